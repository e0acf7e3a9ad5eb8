/* The embedded register: single-register Paxos with a stable leader, and changes of its voters.
 *
 * What stands for what
 *   A ballot is a process: the candidate, and then the leader, that uses this ballot and no other. A proposer that
 *   crashes or gives up comes back with another ballot; its old one goes on no more, but its messages stay around.
 *   So there are as many proposers as ballots, all of them at once. No ballot is used twice.
 *   Messages may be lost, late, repeated and out of order. A proposed view can be accepted at any later time, any
 *   number of times. Prepare and Promise are one step of voter and candidate, or of the voter alone: then the Promise
 *   is lost. Accept and Accepted are one step. That leaves nothing out: candidates and leaders may act on an answer at
 *   any later time, and a late Accepted only lets a leader know less.
 *   What a voter does is on its disk before its answer leaves. So the crash of a voter is no event, and a voter that is
 *   down is one whose steps do not come.
 *   A view has the name (ballot, epoch), for a ballot proposes at most one view of an epoch. Of its content only the
 *   voters matter: three of four, or two such sets that differ in one voter while the view is joint.
 *   Voter 3's store is empty at the beginning, and it is asked only by those who have seen a view that names it.
 *
 * Ballot 1 leads at the beginning, and its view of epoch 1 has been chosen. Limits: BALLOTS and EPOCHS, and of the
 * voters only those in REPLACEABLE may be taken out: with two of them there are rival changes, and one after another.
 *
 * Invariants
 *   one_view_per_epoch        chosen views, and the views that they were made from, are one chain (I1)
 *   confirm_means_current     no view of a higher ballot was chosen before the round of a confirm that succeeds (I3)
 *   promised_never_decreases  for each voter (I2)
 *
 * Mutations, each of which must break one of them
 *   M_AMNESIA      a restarted voter has forgotten what it promised and accepted
 *   M_NOFSYNC      a restarted voter has forgotten the last thing that it answered
 *   M_NOPROMISE    a voter accepts a lower ballot than it has promised
 *   M_ANYPREPARE   a voter promises a lower ballot than it has promised
 *   M_STALEACCEPT  a voter accepts an older view of the same ballot than it has accepted
 *   M_ACKEPOCH     Accepted names no epoch, and counts for a later view of its ballot
 *   M_NEWEST       a candidate takes the view of its own voter, not the newest of the promises
 *   M_OWNBALLOT    a leader goes on from a view that has not been chosen in its ballot
 *   M_NOJOINT      voters are changed without a joint view
 *   M_OLDHALF      a joint view that a majority of the old voters has accepted counts as chosen
 *   M_NEWHALF      a joint view that a majority of the new voters has accepted counts as chosen
 *   M_JOINTFORGET  a candidate that sees a joint view is content with promises of a majority of the new voters
 *   M_JOINTBLIND   a candidate that sees a joint view is content with promises of a majority of the old voters
 *   M_FINALBLIND   a candidate asks the voters that it knew, and those of a joint view that it sees; but when it sees
 *                  the view after that, a majority of the voters that it knew is enough for it
 *   M_OLDCONFIRM   acks of earlier rounds count
 *   M_OLDBALLOT    a voter acks heartbeats of a lower ballot than it has promised
 *   M_NEWCONFIRM   in a joint view a majority of the new voters is enough to confirm
 * With -DREACH=x the model must fail at the named event instead: so the event does happen.
 */
#ifndef BALLOTS
#define BALLOTS 3 /* 2 to 4 */
#endif
#ifndef EPOCHS
#define EPOCHS 4 /* 3 to 5 */
#endif
#ifndef REPLACEABLE
#define REPLACEABLE 4 /* one bit a voter: only 2; 6: also 1 */
#endif

/* Voters, one bit each. */
#define BIT(a) (1 << (a))
#define HAS(mask, a) (((mask) >> (a)) & 1)
#define TWO_OF(mask) (((mask) & ((mask) - 1)) != 0) /* a majority of three */

/* The voters of a view: two sets of three, `from` and `to`, which differ in a joint view. */
#define CONFIG(from, to) ((from) + 16 * (to))
#define FROM(c) ((c) & 15)
#define TO(c) ((c) >> 4)
#define IS_JOINT(c) (FROM(c) != TO(c))
#define NAMES(c, a) (HAS(FROM(c), a) || HAS(TO(c), a))
#define QUORUM(c, mask) (TWO_OF((mask) & FROM(c)) && TWO_OF((mask) & TO(c)))
#define FIRST 7 /* voters 0, 1 and 2 */
#define REPLACED(set, a) (15 & ~(set) | (set) & ~BIT(a)) /* the fourth takes the place of a */

/* Views: a number each, in the order of (ballot, epoch). 0 is none. */
#define VIEWS ((BALLOTS + 1) * (EPOCHS + 1))
#define VIEW(b, e) ((b) * (EPOCHS + 1) + (e))
#define BALLOT(v) ((v) / (EPOCHS + 1))
#define EPOCH(v) ((v) % (EPOCHS + 1))
byte voters[VIEWS];    /* CONFIG; 0: nobody has proposed this view */
byte made_from[VIEWS]; /* 0 for the first */

/* A voter's disk. */
byte promised[4];
byte accepted[4];
#ifdef M_NOFSYNC
byte promised_before[4];
byte accepted_before[4];
#endif

/* A ballot: its candidate, then its leader. */
byte promises[BALLOTS + 1]; /* voters whose Promise has arrived */
byte newest[BALLOTS + 1];   /* the newest view that these have accepted */
byte last[BALLOTS + 1];     /* the view that it has proposed last; 0 for a candidate */
byte accepts[BALLOTS + 1];  /* voters whose Accepted for that has arrived */
bool chosen[BALLOTS + 1];   /* as it knows: that view has been chosen */
bool leads[BALLOTS + 1];    /* some view of the ballot has been chosen */
bool asked[BALLOTS + 1];    /* a round of heartbeats for a confirm goes on */
bool late[BALLOTS + 1];     /* when it began a view of a higher ballot had been chosen */
byte acks[BALLOTS + 1];     /* voters whose Ack has arrived */

/* What has happened. */
byte chain[EPOCHS + 1]; /* the ballot of the chosen view of each epoch */
byte top = 1;           /* the highest ballot of which a view has been chosen */

/* Never true: an assertion on one of these names what has happened in Spin's output. */
bool one_view_per_epoch;
bool confirm_means_current;
bool promised_never_decreases;
bool event_is_never_reached;

#define CHANGED 1   /* a view with the new voters is chosen */
#define FINISHED 2  /* the same, and the joint view was proposed in an earlier ballot */
#define UNDONE 3    /* a joint view that has been accepted somewhere is passed over */
#define ADOPTED 4   /* a candidate takes over a view that has not been chosen */
#define CONFIRMED 5 /* a confirm succeeds */
#define DEPOSED 6   /* a round of a leader that has been deposed gets an ack */
#ifdef REACH
#define REACHED(event, condition) \
  if \
  :: REACH == event && (condition) -> assert(event_is_never_reached) \
  :: else \
  fi
#define IS_CHANGED(c) (!IS_JOINT(c) && FROM(c) != FIRST)
#define RIVAL(b) VIEW(b - 1, EPOCH(last[b]))
#else
#define REACHED(event, condition) skip
#endif

/* The rules of the protocol that the mutations break. */
#ifdef M_ANYPREPARE
#define MAY_PROMISE(a, b) (promised[a] != b)
#else
#define MAY_PROMISE(a, b) (promised[a] < b)
#endif

#define IS_NEWER(v, a, b) (accepted[a] > v)
#ifdef M_NEWEST
#undef IS_NEWER
#define IS_NEWER(v, a, b) (a == 1 - b % 2) /* its own voter: 0 for odd ballots, 1 for even ones */
#endif

#define ELECTED(c, mask) QUORUM(c, mask)
#ifdef M_JOINTFORGET
#undef ELECTED
#define ELECTED(c, mask) TWO_OF((mask) & TO(c))
#endif
#ifdef M_JOINTBLIND
#undef ELECTED
#define ELECTED(c, mask) TWO_OF((mask) & FROM(c))
#endif
#ifdef M_FINALBLIND
#undef ELECTED
#define ELECTED(c, mask) (TWO_OF((mask) & FIRST) && (!IS_JOINT(c) || QUORUM(c, mask)))
#endif

#define MAY_ACCEPT(a, b, v) (promised[a] <= b && accepted[a] <= v)
#ifdef M_STALEACCEPT
#undef MAY_ACCEPT
#define MAY_ACCEPT(a, b, v) (promised[a] <= b)
#endif
#ifdef M_NOPROMISE
#undef MAY_ACCEPT
#define MAY_ACCEPT(a, b, v) (accepted[a] <= v)
#endif

#define CHOOSES(c, mask) QUORUM(c, mask)
#ifdef M_OLDHALF
#undef CHOOSES
#define CHOOSES(c, mask) TWO_OF((mask) & FROM(c))
#endif
#ifdef M_NEWHALF
#undef CHOOSES
#define CHOOSES(c, mask) TWO_OF((mask) & TO(c))
#endif

#ifdef M_OWNBALLOT
#define MAY_GO_ON(b) true
#else
#define MAY_GO_ON(b) chosen[b]
#endif
#ifdef M_NOJOINT
#define CHANGE(c, a) CONFIG(REPLACED(TO(c), a), REPLACED(TO(c), a))
#else
#define CHANGE(c, a) CONFIG(TO(c), REPLACED(TO(c), a))
#endif

#ifdef M_OLDBALLOT
#define MAY_ACK(a, b) (promised[a] >= b)
#else
#define MAY_ACK(a, b) (promised[a] == b)
#endif
#ifdef M_OLDCONFIRM
#define ACKS_OF_NEW_ROUND(b) acks[b]
#else
#define ACKS_OF_NEW_ROUND(b) 0
#endif
#ifdef M_NEWCONFIRM
#define CONFIRMS(c, mask) TWO_OF((mask) & TO(c))
#else
#define CONFIRMS(c, mask) QUORUM(c, mask)
#endif

/* The one place where a voter writes. */
inline store(a, ballot, view) {
#ifdef M_NOFSYNC
  promised_before[a] = promised[a];
  accepted_before[a] = accepted[a];
#endif
  if
  :: ballot < promised[a] -> assert(promised_never_decreases)
  :: else
  fi;
  promised[a] = ballot;
  accepted[a] = view
}

/* Candidate b has its Prepare answered by voter a. */
#define ASKS(b, a) \
  (last[b] == 0 && !HAS(promises[b], a) && MAY_PROMISE(a, b) && (HAS(FIRST, a) || NAMES(voters[newest[b]], a)))
inline promise(b, a) {
  promises[b] = promises[b] | BIT(a);
  if
  :: IS_NEWER(newest[b], a, b) -> newest[b] = accepted[a]
  :: else
  fi;
  store(a, b, accepted[a])
}

inline propose(b, v, from, c) {
  made_from[v] = from;
  voters[v] = c;
  last[b] = v;
  chosen[b] = false;
#ifndef M_ACKEPOCH
  accepts[b] = 0
#endif
}

/* One view back from `view` along the chain. */
inline link() {
  if
  :: view != 0 && chain[EPOCH(view)] == 0 -> chain[EPOCH(view)] = BALLOT(view)
  :: view != 0 && chain[EPOCH(view)] != 0 && chain[EPOCH(view)] != BALLOT(view) -> assert(one_view_per_epoch)
  :: else
  fi;
  view = made_from[view]
}

inline choose(b) {
  REACHED(CHANGED, HAS(accepts[b], 3) && IS_CHANGED(voters[last[b]]));
  REACHED(FINISHED, IS_CHANGED(voters[last[b]]) && IS_JOINT(voters[made_from[made_from[last[b]]]]));
  chosen[b] = true;
  leads[b] = true;
#ifndef M_ACKEPOCH
  accepts[b] = 0;
#endif
  if
  :: b > top -> top = b
  :: else
  fi;
  view = last[b];
  link();
  link();
  link();
  link();
#if EPOCHS > 4
  link();
#endif
  view = 0;
  REACHED(UNDONE, IS_JOINT(voters[RIVAL(b)]) && (accepted[0] == RIVAL(b) || accepted[1] == RIVAL(b)))
}

/* Voter a gets an Accept for view v of ballot b, which may be old. */
#define OFFERED(b, v, a) (voters[v] != 0 && NAMES(voters[v], a) && MAY_ACCEPT(a, b, v))
inline accept(b, v, a) {
#ifdef M_NOPROMISE
  if
  :: promised[a] > b -> accepted[a] = v
  :: else -> store(a, b, v)
  fi;
#else
  store(a, b, v);
#endif
  if
  :: v == last[b] && !chosen[b] ->
     accepts[b] = accepts[b] | BIT(a);
     if
     :: CHOOSES(voters[v], accepts[b]) -> choose(b)
     :: else
     fi
  :: else
  fi
}

#define MAY_PROPOSE(b) (last[b] != 0 && MAY_GO_ON(b) && EPOCH(last[b]) < EPOCHS)
#define MAY_REPLACE(b, a) \
  (MAY_PROPOSE(b) && !IS_JOINT(voters[last[b]]) && HAS(REPLACEABLE, a) && HAS(TO(voters[last[b]]), a))

proctype ballot(byte b) {
  byte view;
end:
  do
  /* Prepare: the Promise arrives, or it is lost. (If it says nothing new, its loss only hinders the candidate.) */
  :: d_step { ASKS(b, 0) -> promise(b, 0) }
  :: d_step { ASKS(b, 1) -> promise(b, 1) }
  :: d_step { ASKS(b, 2) -> promise(b, 2) }
  :: d_step { ASKS(b, 3) -> promise(b, 3) }
  :: d_step { ASKS(b, 0) && accepted[0] > newest[b] -> store(0, b, accepted[0]) }
  :: d_step { ASKS(b, 1) && accepted[1] > newest[b] -> store(1, b, accepted[1]) }
  :: d_step { ASKS(b, 2) && accepted[2] > newest[b] -> store(2, b, accepted[2]) }
  :: d_step { ASKS(b, 3) && accepted[3] > newest[b] -> store(3, b, accepted[3]) }

  /* The candidate has the promises that the newest view among them asks for: it proposes that view's successor. */
  :: d_step {
       last[b] == 0 && newest[b] != 0 && EPOCH(newest[b]) < EPOCHS && ELECTED(voters[newest[b]], promises[b]) ->
       REACHED(ADOPTED, chain[EPOCH(newest[b])] != BALLOT(newest[b]));
       propose(b, VIEW(b, EPOCH(newest[b]) + 1), newest[b], voters[newest[b]]);
       promises[b] = 0;
       newest[b] = 0
     }
  /* The leader proposes the next view: the end of a joint one, */
  :: d_step {
       MAY_PROPOSE(b) && IS_JOINT(voters[last[b]]) ->
       propose(b, last[b] + 1, last[b], CONFIG(TO(voters[last[b]]), TO(voters[last[b]])))
     }
  /* or one with the same voters, */
  :: d_step {
       MAY_PROPOSE(b) && !IS_JOINT(voters[last[b]]) ->
       propose(b, last[b] + 1, last[b], voters[last[b]])
     }
  /* or one on the way to others. */
  :: d_step { MAY_REPLACE(b, 0) -> propose(b, last[b] + 1, last[b], CHANGE(voters[last[b]], 0)) }
  :: d_step { MAY_REPLACE(b, 1) -> propose(b, last[b] + 1, last[b], CHANGE(voters[last[b]], 1)) }
  :: d_step { MAY_REPLACE(b, 2) -> propose(b, last[b] + 1, last[b], CHANGE(voters[last[b]], 2)) }
  :: d_step { MAY_REPLACE(b, 3) -> propose(b, last[b] + 1, last[b], CHANGE(voters[last[b]], 3)) }

  /* Accept, now or later. */
  :: d_step { OFFERED(b, VIEW(b, 2), 0) -> accept(b, VIEW(b, 2), 0) }
  :: d_step { OFFERED(b, VIEW(b, 2), 1) -> accept(b, VIEW(b, 2), 1) }
  :: d_step { OFFERED(b, VIEW(b, 2), 2) -> accept(b, VIEW(b, 2), 2) }
  :: d_step { OFFERED(b, VIEW(b, 2), 3) -> accept(b, VIEW(b, 2), 3) }
  :: d_step { OFFERED(b, VIEW(b, 3), 0) -> accept(b, VIEW(b, 3), 0) }
  :: d_step { OFFERED(b, VIEW(b, 3), 1) -> accept(b, VIEW(b, 3), 1) }
  :: d_step { OFFERED(b, VIEW(b, 3), 2) -> accept(b, VIEW(b, 3), 2) }
  :: d_step { OFFERED(b, VIEW(b, 3), 3) -> accept(b, VIEW(b, 3), 3) }
#if EPOCHS > 3
  :: d_step { OFFERED(b, VIEW(b, 4), 0) -> accept(b, VIEW(b, 4), 0) }
  :: d_step { OFFERED(b, VIEW(b, 4), 1) -> accept(b, VIEW(b, 4), 1) }
  :: d_step { OFFERED(b, VIEW(b, 4), 2) -> accept(b, VIEW(b, 4), 2) }
  :: d_step { OFFERED(b, VIEW(b, 4), 3) -> accept(b, VIEW(b, 4), 3) }
#endif
#if EPOCHS > 4
  :: d_step { OFFERED(b, VIEW(b, 5), 0) -> accept(b, VIEW(b, 5), 0) }
  :: d_step { OFFERED(b, VIEW(b, 5), 1) -> accept(b, VIEW(b, 5), 1) }
  :: d_step { OFFERED(b, VIEW(b, 5), 2) -> accept(b, VIEW(b, 5), 2) }
  :: d_step { OFFERED(b, VIEW(b, 5), 3) -> accept(b, VIEW(b, 5), 3) }
#endif
  od
}

/* A round that began before a view of a higher ballot was chosen may well succeed. Such rounds are left out where
 * nothing depends on them: they make ten times as many states. Only ballots below the highest can be deposed. */
#if defined(M_OLDCONFIRM) || defined(ALL_ROUNDS) || REACH == CONFIRMED
#define FOLLOWED true
#else
#define FOLLOWED false
#endif

/* confirm(b): somebody asks the leader, which begins a round of heartbeats. */
proctype confirm(byte b) {
end:
  do
  :: d_step {
       leads[b] && (!asked[b] && FOLLOWED || !late[b] && top > b) ->
       asked[b] = true;
       late[b] = top > b;
       acks[b] = ACKS_OF_NEW_ROUND(b)
     }
  :: d_step { asked[b] && !HAS(acks[b], 0) && MAY_ACK(0, b) -> acks[b] = acks[b] | BIT(0) }
  :: d_step { asked[b] && !HAS(acks[b], 1) && MAY_ACK(1, b) -> acks[b] = acks[b] | BIT(1) }
  :: d_step { asked[b] && !HAS(acks[b], 2) && MAY_ACK(2, b) -> acks[b] = acks[b] | BIT(2) }
  :: d_step { asked[b] && !HAS(acks[b], 3) && MAY_ACK(3, b) -> acks[b] = acks[b] | BIT(3) }
#ifdef REACH
  :: d_step { asked[b] && late[b] && acks[b] != 0 -> REACHED(DEPOSED, true) }
#endif
  :: d_step {
       asked[b] && CONFIRMS(voters[last[b]], acks[b]) ->
       REACHED(CONFIRMED, true);
       if
       :: late[b] -> assert(confirm_means_current)
       :: else
       fi;
       asked[b] = false;
       acks[b] = 0
     }
  od
}

#if defined(M_AMNESIA) || defined(M_NOFSYNC)
proctype restart(byte a) {
end:
  do
#ifdef M_AMNESIA
  :: d_step {
       promised[a] != 0 ->
       promised[a] = 0;
       accepted[a] = 0
     }
#else
  :: d_step {
       promised_before[a] != promised[a] || accepted_before[a] != accepted[a] ->
       promised[a] = promised_before[a];
       accepted[a] = accepted_before[a]
     }
#endif
  od
}
#endif

inline at_the_beginning(a) {
  promised[a] = 1;
  accepted[a] = VIEW(1, 1)
#ifdef M_NOFSYNC
  ;
  promised_before[a] = 1;
  accepted_before[a] = VIEW(1, 1)
#endif
}

init {
  d_step {
    at_the_beginning(0);
    at_the_beginning(1);
    at_the_beginning(2);
    voters[VIEW(1, 1)] = CONFIG(FIRST, FIRST);
    last[1] = VIEW(1, 1);
    chosen[1] = true;
    leads[1] = true;
    chain[1] = 1
  }
  atomic {
    run ballot(1);
    run confirm(1);
    run ballot(2);
#if BALLOTS > 2
    run confirm(2);
    run ballot(3);
#endif
#if BALLOTS > 3
    run confirm(3);
    run ballot(4);
#endif
#if defined(M_AMNESIA) || defined(M_NOFSYNC)
    run restart(0);
    run restart(1);
    run restart(2);
#endif
    skip
  }
}
