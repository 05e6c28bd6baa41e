// Evaluate JSONata expressions with the reference implementation, in one process.
//
// Reads `{"expression": ..., "variables": {...}}` a line. Writes `{"value": ...}`, `{"undefined": true}` or
// `{"error": CODE}` a line, in the same order.
'use strict';

const readline = require('node:readline');
const jsonata = require('jsonata');

const compiled = new Map();

function compile(expression) {
  if (!compiled.has(expression)) compiled.set(expression, jsonata(expression));
  return compiled.get(expression);
}

async function answer({ expression, variables }) {
  try {
    const value = await compile(expression).evaluate(undefined, variables);
    return value === undefined ? { undefined: true } : { value };
  } catch (error) {
    if (!error.code) throw error;
    return { error: error.code };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  }
}

main();
