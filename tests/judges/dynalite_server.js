// Serve dynalite on 127.0.0.1, on a free port, which is the first line of the output. Tables are ready at once.
'use strict';

const server = require('dynalite')({ createTableMs: 0 });

server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
