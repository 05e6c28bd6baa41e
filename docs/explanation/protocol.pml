/*
 * The protocol of one order, for Spin (https://spinroot.com): who writes what under which guard, and what must hold.
 *
 * Written from the protocol's text, not from the model checker's code, so that two judges who know nothing of each other give a
 * verdict on the same protocol. The model checker visits every state. This model also says what the model checker cannot: that every
 * order ends, under weak fairness (each process that can go on for ever does so at some time).
 *
 *   make verify-protocol        verifies the whole, then each part taken away: -DWITHOUT_<PART>
 *
 * Processes: the client's request and its live run; two sweepers, each with a run of its own; the services, the gateway, the
 * relay and the bus. A run may crash at each step. A command that was sent stays on the network: a service carries it out at
 * any later time, for any sender, also when the sender got no answer. So a lost, a late and a doubled message are one thing.
 * A service's step is enabled only while it changes something; a repetition that changes nothing is no step.
 *
 * FAULTS bounds crashes of a sweeper's run, answers lost after the decision, and leases that end under a run that lives.
 * Before the decision an answer may be missing at any time, without bound.
 */

#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef SWEEPERS
#define SWEEPERS 2
#endif

/* ---- rows --------------------------------------------------------------------------------------------------------- */
mtype = { ABSENT, PENDING, CONFIRMING, CONFIRMED, CANCELLING, CANCELLED,                     /* the order's          */
          AUTHORIZING, AUTHORIZED, DECLINED, CAPTURING, CAPTURED, REFUSED, VOIDING, VOIDED,  /* the payment's        */
          HELD, COMMITTED, RELEASED, RESTOCKED,                                              /* the reservation's    */
          UNASKED, YES, NO, TOO_LATE }                                                       /* the gateway's answers*/

mtype order = ABSENT, payment = ABSENT, stock = ABSENT;
bool in_stock;                     /* whether there is a unit for this order; chosen once                              */

/* ---- the gateway's memory ----------------------------------------------------------------------------------------- */
mtype authorize_answer = UNASKED, capture_answer = UNASKED;
bool is_void = false;              /* its tombstone                                                                    */
byte holds = 0, captures = 0, authorize_calls = 0, capture_calls = 0;

/* ---- the network: commands that were sent ------------------------------------------------------------------------- */
bool sent_authorize, sent_reserve, sent_confirming, sent_cancelling, sent_capture, sent_commit, sent_confirm, sent_refuse,
     sent_void, sent_release, sent_cancel, call_authorize, call_capture, call_void;
bool void_found_nothing, release_found_nothing;   /* answers of a protocol without tombstones                          */

/* ---- the sweeper -------------------------------------------------------------------------------------------------- */
bool leased, overdue, try_is_late, was_tried, is_expired;
byte lease_owner, the_try, faults = FAULTS;
bool alive[3];

/* ---- events, clients, history ------------------------------------------------------------------------------------- */
bool pending_placed, on_bus_placed, pending_confirmed, on_bus_confirmed, told_yes, told_no;
byte shipments = 0, created = 0;
bool was_confirmed, was_cancelling, key_recorded;

#define IS_TERMINAL  (order == CONFIRMED || order == CANCELLED)
#define UNDECIDED    (order == PENDING)

/* ---- the invariants ------------------------------------------------------------------------------------------------ */
#define M1_HOLDS  (captures > 0 -> (order == CONFIRMING || order == CONFIRMED))
#define M2_HOLDS  (captures <= 1 && holds <= 1)
#define M3_HOLDS  (order == CONFIRMED -> (captures == 1 && payment == CAPTURED && stock == COMMITTED))
#define M4_HOLDS  (order == CANCELLED -> (captures == 0 && holds == 0 && (stock == RELEASED || stock == RESTOCKED)))
#define D1_HOLDS  !(was_confirmed && was_cancelling)
#define O1_HOLDS  ((payment != ABSENT || stock != ABSENT) -> order != ABSENT)
#define C1_HOLDS  ((told_yes -> order == CONFIRMED) && (told_no -> order == CANCELLED))
#define T1_HOLDS  (is_expired -> was_tried)

ltl M1 { [] (M1_HOLDS) }                                     /* captured_money_has_a_live_order */
ltl M2 { [] (M2_HOLDS) }                                     /* capture_once_up_to_total */
ltl M3 { [] (M3_HOLDS) }                                     /* confirmed_order_is_paid_and_committed */
ltl M4 { [] (M4_HOLDS) }                                     /* cancelled_order_keeps_no_money */
ltl D1 { [] (D1_HOLDS) }                                     /* order_takes_one_way */
ltl O1 { [] (O1_HOLDS) }                                     /* order_is_placed_first */
ltl I1 { [] (created <= 1) }                                 /* one_order_per_idempotency_key */
ltl E1 { [] (shipments <= 1) }                               /* one_shipment_per_order */
ltl E2 { [] (shipments > 0 -> order == CONFIRMED) }          /* only_confirmed_orders_ship */
ltl C1 { [] (C1_HOLDS) }                                     /* response_shows_a_true_order */
ltl T1 { [] (T1_HOLDS) }                                     /* unavailable_only_after_the_deadline */
ltl SAFE { [] ((M1_HOLDS) && (M2_HOLDS) && (M3_HOLDS) && (M4_HOLDS) && (D1_HOLDS) && (O1_HOLDS) && (C1_HOLDS) && (T1_HOLDS)) }                 /* all of these at once */
ltl V1 { [] (order != ABSENT -> <> IS_TERMINAL) }            /* every_order_ends */
ltl E3 { [] (order == CONFIRMED -> <> (shipments > 0)) }     /* confirmed_order_has_a_shipment */
ltl E5 { [] (order != ABSENT -> <> on_bus_placed) }          /* every_event_is_published_and_processed */

/* ---- the order's row ------------------------------------------------------------------------------------------------ */
inline write_confirming() { order = CONFIRMING; }
inline write_cancelling() { order = CANCELLING; was_cancelling = true; }
inline write_confirmed() {
    order = CONFIRMED;
    was_confirmed = true;
#if defined(EVENTS) && !defined(WITHOUT_OUTBOX)
    pending_confirmed = true;
#endif
}

active proctype OrderService() {
end:
    do
#ifdef WITHOUT_CONDITION_ON_CONFIRMING
    :: atomic { sent_confirming && order != ABSENT && order != CONFIRMING && order != CONFIRMED -> write_confirming() }
#else
    :: atomic { sent_confirming && UNDECIDED -> write_confirming() }
#endif
#ifdef WITHOUT_CONDITION_ON_CANCELLING
    :: atomic { sent_cancelling && order != ABSENT && order != CANCELLING && order != CANCELLED -> write_cancelling() }
#else
    :: atomic { sent_cancelling && UNDECIDED -> write_cancelling() }
#endif
    :: atomic { sent_confirm && order == CONFIRMING -> write_confirmed() }
    :: atomic { sent_refuse && order == CONFIRMING -> write_cancelling() }
    :: atomic { sent_cancel && order == CANCELLING -> order = CANCELLED }
    od
}

/* ---- the payment's row: intent, gateway, result ---------------------------------------------------------------------- */
active proctype PaymentService() {
end:
    do
#ifdef WITHOUT_INTENT
    :: atomic { sent_authorize && payment == ABSENT && !call_authorize -> call_authorize = true }
    :: atomic { payment == ABSENT && authorize_answer == YES -> payment = AUTHORIZED }
    :: atomic { payment == ABSENT && authorize_answer == NO -> payment = DECLINED }
    :: atomic { payment == ABSENT && authorize_answer == TOO_LATE -> payment = VOIDING; call_void = true }
#else
    :: atomic { sent_authorize && payment == ABSENT -> payment = AUTHORIZING; call_authorize = true }
#endif
    :: atomic { payment == AUTHORIZING && authorize_answer == YES -> payment = AUTHORIZED }
    :: atomic { payment == AUTHORIZING && authorize_answer == NO -> payment = DECLINED }
    :: atomic { payment == AUTHORIZING && authorize_answer == TOO_LATE -> payment = VOIDING; call_void = true }
#ifdef WITHOUT_EVIDENCE_OF_A_DECLINE
    :: atomic { payment == AUTHORIZING -> payment = DECLINED }
#endif
    :: atomic { sent_capture && payment == AUTHORIZED -> payment = CAPTURING; call_capture = true }
    :: atomic { payment == CAPTURING && capture_answer == YES -> payment = CAPTURED }
    :: atomic { payment == CAPTURING && capture_answer == NO -> payment = REFUSED }
#ifdef WITHOUT_PAYMENT_TOMBSTONE
    :: atomic { sent_void && payment == ABSENT && !void_found_nothing -> void_found_nothing = true }
#else
    :: atomic { sent_void && payment == ABSENT -> payment = VOIDING; call_void = true }
#endif
    :: atomic { sent_void && (payment == AUTHORIZING || payment == AUTHORIZED || payment == REFUSED) ->
                payment = VOIDING; call_void = true }
    :: atomic { payment == VOIDING && is_void -> payment = VOIDED }
    od
}

active proctype Gateway() {
end:
    do
    :: atomic { call_authorize && authorize_answer == UNASKED ->
                if
#ifndef WITHOUT_GATEWAY_TOMBSTONE
                :: is_void -> authorize_answer = TOO_LATE
#endif
#ifdef WITHOUT_GATEWAY_TOMBSTONE
                :: authorize_answer = YES; holds++
#else
                :: !is_void -> authorize_answer = YES; holds++
#endif
                :: !is_void -> authorize_answer = NO
                fi }
    :: atomic { call_capture && capture_answer == UNASKED && holds > 0 ->
                if
                :: capture_answer = YES; captures++; holds--
                :: capture_answer = NO; holds--
                fi }
    :: atomic { call_void && !is_void && captures == 0 -> is_void = true; holds = 0 }
#ifdef WITHOUT_GATEWAY_KEY
    :: atomic { authorize_calls > 1 && authorize_answer == YES && !is_void && holds + captures < 2 -> holds++ }
    :: atomic { capture_calls > 1 && capture_answer == YES && captures < 2 && holds > 0 -> captures++; holds-- }
#endif
    od
}

/* ---- the reservation's row --------------------------------------------------------------------------------------------- */
active proctype InventoryService() {
end:
    do
    :: atomic { sent_reserve && stock == ABSENT && in_stock -> stock = HELD }
    :: atomic { sent_reserve && stock == ABSENT && !in_stock -> stock = RELEASED }
    :: atomic { sent_commit && stock == HELD -> stock = COMMITTED }
#ifdef WITHOUT_STOCK_TOMBSTONE
    :: atomic { sent_release && stock == ABSENT && !release_found_nothing -> release_found_nothing = true }
#else
    :: atomic { sent_release && stock == ABSENT -> stock = RELEASED }
#endif
    :: atomic { sent_release && stock == HELD -> stock = RELEASED }
    :: atomic { sent_release && stock == COMMITTED -> stock = RESTOCKED }
#ifdef WITHOUT_HOLDS_THAT_STAY
    :: atomic { stock == HELD -> stock = RELEASED }
#endif
    od
}

/* ---- a run of the saga --------------------------------------------------------------------------------------------------- */
#define PAYMENT_ANSWERS  (payment != ABSENT && payment != AUTHORIZING)
#define IS_AUTHORIZED    (payment == AUTHORIZED || payment == CAPTURING || payment == CAPTURED || payment == REFUSED)
#define STOCK_ANSWERS    (stock != ABSENT)
#define IS_HELD          (stock == HELD || stock == COMMITTED)
#define CAPTURE_ANSWERS  (payment == CAPTURED || payment == REFUSED || payment == VOIDING || payment == VOIDED || payment == DECLINED)
#define COMMIT_ANSWERS   (stock == COMMITTED || stock == RELEASED || stock == RESTOCKED)
#define IS_LET_GO        (payment == VOIDED || payment == DECLINED || void_found_nothing)
#define IS_BACK          (stock == RELEASED || stock == RESTOCKED || release_found_nothing)
#define VOID_ANSWERS     (IS_LET_GO || payment == CAPTURED)

#ifdef WITHOUT_LOSERS_HELP
#define AFTER_LOST_CONFIRM  Settle
#define AFTER_LOST_CANCEL   Compensate
#else
#define AFTER_LOST_CONFIRM  Compensate
#define AFTER_LOST_CANCEL   Settle
#endif

/* A run dies, or gets no answer and ends. The live run may always, a sweeper's as often as FAULTS allows.               */
#define DIES(id)  atomic { (id == 0 || faults > 0) -> if :: id == 0 -> skip :: else -> faults-- fi }

/* `id` is 0 for the live run. Each label is a step; whatever is read at a step is held on to in its successors. */
inline saga(id) {
    if
    :: id == 0 -> goto Authorize
    :: id != 0 && UNDECIDED -> goto Authorize
    :: id != 0 && order == CONFIRMING -> goto Settle
    :: id != 0 && order == CANCELLING -> goto Compensate
    :: id != 0 && (IS_TERMINAL || order == ABSENT) -> goto Ended
    fi;
Authorize:
    atomic { sent_authorize = true; if :: authorize_calls < 2 -> authorize_calls++ :: else fi };
    if
    :: PAYMENT_ANSWERS && IS_AUTHORIZED -> goto Reserve
    :: PAYMENT_ANSWERS && !IS_AUTHORIZED -> goto DecideToCancel
    :: goto NoAnswer
    :: DIES(id) -> goto Dead
    fi;
Reserve:
    sent_reserve = true;
    if
#ifdef WITHOUT_DECISION_FIRST
    :: STOCK_ANSWERS && IS_HELD -> sent_capture = true; goto CaptureFirst
#else
    :: STOCK_ANSWERS && IS_HELD -> goto DecideToConfirm
#endif
    :: STOCK_ANSWERS && !IS_HELD -> goto DecideToCancel
    :: goto NoAnswer
    :: DIES(id) -> goto Dead
    fi;
#ifdef WITHOUT_DECISION_FIRST
CaptureFirst:
    if
    :: payment == CAPTURED -> goto DecideToConfirm
    :: CAPTURE_ANSWERS && payment != CAPTURED -> goto DecideToCancel
    :: goto NoAnswer
    fi;
#endif
NoAnswer:              /* the order's own decision: only its latest try, begun after the deadline, may end it            */
#ifdef WITHOUT_THE_TRY_THAT_THE_ROW_NAMES
    atomic { if :: UNDECIDED && overdue && id != 0 -> is_expired = true; was_tried = was_tried || try_is_late_of[id]; write_cancelling()
                :: else fi };
#else
    atomic { if :: UNDECIDED && id != 0 && the_try == id && try_is_late -> is_expired = true; was_tried = true; write_cancelling()
                :: else fi };
#endif
    if
    :: order == CANCELLING -> goto Compensate
    :: order != CANCELLING -> goto Ended
    fi;
DecideToConfirm:
    sent_confirming = true;
    if
    :: order == CONFIRMING || order == CONFIRMED -> goto Settle
    :: order == CANCELLING || order == CANCELLED -> goto AFTER_LOST_CONFIRM
    :: DIES(id) -> goto Dead
    fi;
DecideToCancel:
    sent_cancelling = true;
    if
    :: order == CANCELLING || order == CANCELLED -> goto Compensate
    :: order == CONFIRMING || order == CONFIRMED -> goto AFTER_LOST_CANCEL
    :: DIES(id) -> goto Dead
    fi;
Settle:
#ifdef WITHOUT_HONEST_CONFIRMATION
    if :: id == 0 -> told_yes = true :: else fi;
#endif
    atomic { sent_capture = true; sent_commit = true; if :: capture_calls < 2 -> capture_calls++ :: else fi };
    if
    :: CAPTURE_ANSWERS && COMMIT_ANSWERS && payment == CAPTURED && stock == COMMITTED -> goto Confirm
    :: CAPTURE_ANSWERS && COMMIT_ANSWERS && payment == REFUSED -> goto RefuseCapture
    :: CAPTURE_ANSWERS && COMMIT_ANSWERS && payment != REFUSED && !(payment == CAPTURED && stock == COMMITTED) -> goto Ended
    :: DIES(id) -> goto Dead
    fi;
Confirm:
#ifdef WITHOUT_EVENT_AFTER_STATE
    on_bus_confirmed = true;
#endif
    sent_confirm = true;
    if
    :: IS_TERMINAL || order == CANCELLING -> goto Ended
    :: DIES(id) -> goto Dead
    fi;
RefuseCapture:
    sent_refuse = true;
    if
    :: order == CANCELLING || order == CANCELLED -> goto Compensate
    :: order == CONFIRMED -> goto Ended
    :: DIES(id) -> goto Dead
    fi;
Compensate:
    atomic { sent_void = true; sent_release = true };
    if
    :: VOID_ANSWERS && STOCK_ANSWERS && IS_BACK && IS_LET_GO -> goto Cancel
    :: VOID_ANSWERS && release_found_nothing && IS_LET_GO -> goto Cancel
    :: VOID_ANSWERS && !IS_LET_GO -> goto Ended
    :: DIES(id) -> goto Dead
    fi;
Cancel:
    sent_cancel = true;
    if
    :: IS_TERMINAL || order == CONFIRMING -> goto Ended
    :: DIES(id) -> goto Dead
    fi;
Ended:
    skip
}

#ifdef WITHOUT_THE_TRY_THAT_THE_ROW_NAMES
bool try_is_late_of[3];
#endif

/* ---- the client: one request, sent twice; the API creates the order and runs the saga ------------------------------------- */
inline create() {
#ifdef WITHOUT_KEY_IN_THE_ROW
    if
    :: atomic { !key_recorded -> created++; if :: order == ABSENT -> order = PENDING :: else fi };
       if :: key_recorded = true :: skip fi             /* a crash between the two writes                                */
    :: key_recorded -> skip
    fi
#else
    atomic { if
             :: order == ABSENT -> order = PENDING; created++;
#if defined(EVENTS) && !defined(WITHOUT_FIRST_EVENT_IN_THE_ROW)
                pending_placed = true
#else
                skip
#endif
             :: else
             fi };
#ifdef WITHOUT_FIRST_EVENT_IN_THE_ROW
    if :: on_bus_placed = true :: skip fi                /* a crash between the write and the put                         */
#endif
#endif
}

active proctype Client() {
    if :: in_stock = true :: in_stock = false fi;
#ifndef WITHOUT_ROW_FIRST
    create();
#endif
    if :: goto Dead :: skip fi;
    saga(0);
#ifdef WITHOUT_ROW_FIRST
    if :: goto Dead :: skip fi;
    create();
#endif
    if
    :: order == CONFIRMED -> told_yes = true
    :: order == CANCELLED -> told_no = true
#ifdef WITHOUT_HONEST_ANSWERS
    :: !IS_TERMINAL -> told_no = true
#else
    :: !IS_TERMINAL -> skip                              /* 202: nothing is promised                                      */
#endif
    fi;
Dead:
    skip
}

#ifdef EVENTS
active proctype Repeat() {                               /* the same request once more, with the same key                  */
end:
    order != ABSENT;
    create()
}
#endif

active proctype Customer() {                             /* may ask to cancel an order that is not decided                 */
end:
    if :: order != ABSENT -> skip fi;
    if :: sent_cancelling = true :: skip fi
}

/* ---- the sweeper -------------------------------------------------------------------------------------------------------- */
active proctype Deadline() {
end:
    atomic { order != ABSENT -> overdue = true }
}

active proctype Lease() {
end:
    do
#ifndef WITHOUT_LEASE_THAT_ENDS
    :: atomic { leased && !alive[lease_owner] -> leased = false }
    :: atomic { leased && alive[lease_owner] && faults > 0 -> faults--; leased = false }
#else
    :: false
#endif
    od
}

#ifndef WITHOUT_SWEEPER
active [SWEEPERS] proctype Sweeper() {
    byte id = 1 + (_pid % 2);
end:
    do
    :: atomic { order != ABSENT && !IS_TERMINAL && !leased && !alive[id] ->
                leased = true; lease_owner = id; alive[id] = true; the_try = id; try_is_late = overdue;
#ifdef WITHOUT_THE_TRY_THAT_THE_ROW_NAMES
                try_is_late_of[id] = overdue;
#endif
       };
#ifdef WITHOUT_TRY_BEFORE_THE_END
       atomic { if :: UNDECIDED && overdue -> is_expired = true; write_cancelling() :: else fi };
#endif
       saga(id);
Dead:
       alive[id] = false                                 /* its lease ends by time                                       */
    od
}
#endif

/* ---- events -------------------------------------------------------------------------------------------------------------- */
#ifdef EVENTS
active proctype Relay() {
end:
    do
    :: atomic { pending_placed && !on_bus_placed -> on_bus_placed = true; pending_placed = false }
    :: atomic { pending_confirmed && !on_bus_confirmed -> on_bus_confirmed = true; pending_confirmed = false }
#ifdef WITHOUT_FAILED_ENTRIES_KEPT
    :: atomic { pending_confirmed -> pending_confirmed = false }
#endif
#ifdef WITHOUT_OUTBOX
    :: atomic { was_confirmed && !on_bus_confirmed -> on_bus_confirmed = true; break }
    :: was_confirmed -> break                            /* the writer of the row died before it put the event             */
#endif
    od
}

active proctype Shipping() {
end:
    do
#ifdef WITHOUT_INBOX
    :: atomic { on_bus_confirmed && shipments < 2 -> shipments++ }
#else
    :: atomic { on_bus_confirmed && shipments == 0 -> shipments = 1 }
#endif
    od
}
#endif
