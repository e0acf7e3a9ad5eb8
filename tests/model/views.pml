/* Views, leases and the barrier: never two live actors for one slot (invariant I8).
 *
 * What stands for what
 *   The register (embedded or etcd) is `view[newest]`: linearizable, so a coordinator's compare-and-set is one step.
 *   Only the coordinator of the current term can change it. A deposed one matters in one way: it may answer renewals.
 *   One slot is looked at. Its owner is the member with the lowest number, so that a join may move it and every
 *   eviction or leave of its owner does. Other slots do not interact with it: held, cleared and fences are per slot.
 *   Time goes by in ticks that all clocks share; with DRIFT a node's clock may miss one tick of a lease.
 *   A node, coordinator or message that is slow or frozen is one whose step does not come while ticks go by.
 *   A node that comes back after an eviction is a new incarnation: it holds nothing and has no lease.
 *
 * Without limit: views, terms, joins, evictions, leaves, and how long anything is frozen. Limited: three nodes, a lease
 * of L ticks, and a member is at most SPAN - 1 views behind the newest one (`forget` numbers the views anew).
 *
 * Mutations, each of which must break the invariant:
 *   M_NOBARRIER  a member runs what it gains as soon as it has installed the view
 *   M_NOCUT      a member reports "cleared" without having stopped what it lost
 *   M_NOEWAIT    a new coordinator does not wait out the leases of the one before
 *   M_NOLWAIT    a coordinator evicts without waiting for the lease to end
 *   M_NOCONFIRM  a renewal is granted without a quorum round that began after it was received
 *   M_ARRIVAL    a member counts its lease from the arrival of the grant, not from the sending of the renewal
 *   M_DRIFT      clocks may differ, and the coordinator waits no longer than the lease
 *   M_LEAVE      a leaving member says "stopped" before its actors have stopped
 * With -DREACH=x the model must fail at the named event instead: so the event does happen.
 */
#ifndef L
#define L 2 /* ticks of a member's lease */
#endif
#ifndef SPAN
#define SPAN 3 /* views remembered, 3 or 4 */
#endif
#define N 3

#ifdef M_DRIFT
#define DRIFT
#endif
#ifdef DRIFT
#define SLOW 1 /* ticks that a node's clock may miss in one lease */
#else
#define SLOW 0
#endif

/* The rules of the protocol that the mutations break. */
#ifdef M_DRIFT
#define W L
#else
#define W (L + SLOW) /* the coordinator's wait, section 3 */
#endif
#ifdef M_NOLWAIT
#define LEASE_IS_OVER(n) true
#else
#define LEASE_IS_OVER(n) (elapsed[n] >= W)
#endif
#ifdef M_NOEWAIT
#define ELAPSED_AT_ELECTION W
#else
#define ELAPSED_AT_ELECTION 0
#endif
#ifdef M_NOCONFIRM
#define MAY_GRANT(n) (IN(n) || deposed)
#else
#define MAY_GRANT(n) IN(n)
#endif
#ifdef M_ARRIVAL
#define LEASE_FROM(n) L
#else
#define LEASE_FROM(n) (L - age[n])
#endif
#ifdef M_NOCUT
#define KEEPS(n) held[n]
#else
#define KEEPS(n) (held[n] && OWNS(n, newest))
#endif
#ifdef M_NOBARRIER
#define BARRIER_DONE(v) true
#else
#define BARRIER_DONE(v) (CLEARED(0, v) && CLEARED(1, v) && CLEARED(2, v))
#endif

/* The register. A view is its set of members, one bit each; view[0] is no view. */
byte newest = 1;
byte view[SPAN + 1];
#define BIT(n) (1 << (n))
#define MEMBER(n, v) ((view[v] >> (n)) & 1)
#define IN(n) MEMBER(n, newest)
#define OWNER_BIT(v) (view[v] & (~view[v] + 1))
#define OWNS(n, v) (OWNER_BIT(v) == BIT(n))

/* The coordinator's table: ticks since the last moment at which a lease of n can have begun, counted up to W. */
byte elapsed[N];
bool deposed; /* there has been another coordinator, and it may not know that it is none any more */

/* A node. */
byte installed[N]; /* the view it has installed and cleared */
bool held[N];      /* it may run actors of the slot */
byte lease[N];     /* ticks left */
bool stopped[N];   /* it is leaving, and has said that its actors have stopped */
bool out[N];       /* it knows that it is no member */
#define LIVE(n) (held[n] && lease[n] > 0)
#define CLEARED(n, v) (!MEMBER(n, v) || installed[n] >= v)

/* The one renewal of a node that is under way. */
#define NOTHING 0
#define RENEW 1
#define GRANT 2
byte wire[N];
byte age[N]; /* ticks since the renewal was sent */

/* Never true: an assertion on one of these names what has happened in Spin's output. */
bool I8_one_live_actor;
bool event_is_never_reached;

#define HANDOVER 1   /* a slot moves between two nodes that stay members */
#define EVICTION 2   /* a slot of an evicted node that does not know it yet is gained by another */
#define LEAVE 3      /* a slot of a node that has left in order is gained by another */
#define REJOIN 4     /* an evicted node comes back and gains the slot */
#define DEPOSED 5    /* a renewal of an evicted node is in the hands of a deposed coordinator */
#define SUCCESSOR 6  /* a coordinator that was elected later evicts */
#define SKIP 7       /* a node installs a view without having seen the one before */
#ifdef REACH
byte evicted; /* nodes that have been evicted at some time */
#define REACHED(event, condition) \
  if \
  :: REACH == event && (condition) -> assert(event_is_never_reached) \
  :: else \
  fi
#define MOVED(n) (installed[n] > 1 && OWNER_BIT(installed[n] - 1) != BIT(n))
#define OLD_OWNER_STAYS(n) ((OWNER_BIT(installed[n] - 1) & view[newest]) != 0)
#define OLD_OWNER_IS(state, n) \
  ((state[0] && OWNS(0, installed[n] - 1)) || (state[1] && OWNS(1, installed[n] - 1)) || \
   (state[2] && OWNS(2, installed[n] - 1)))
#else
#define REACHED(event, condition) skip
#endif

/* Views older than every node's are of no further use: the oldest becomes number 1. */
inline forget() {
  if
  :: newest > 1 && (out[0] || installed[0] > 1) && (out[1] || installed[1] > 1) && (out[2] || installed[2] > 1) ->
     view[1] = view[2];
     view[2] = view[3];
#if SPAN > 3
     view[3] = view[4];
#endif
     view[SPAN] = 0;
     newest--;
     forget_installed(0);
     forget_installed(1);
     forget_installed(2)
  :: else
  fi
}

inline forget_installed(n) {
  if
  :: installed[n] > 0 -> installed[n]--
  :: else
  fi
}

/* Out of the view: fenced, drops everything. What it has cleared stays a fact. */
inline fence(n) {
  out[n] = true;
  held[n] = false;
  stopped[n] = false;
  lease[n] = 0;
  wire[n] = NOTHING;
  age[n] = 0
}

/* An evicted node without lease and renewal can do neither good nor harm: that it does not know yet is no state of its
 * own. */
inline settle_node(n) {
  if
  :: !out[n] && !IN(n) && lease[n] == 0 && wire[n] == NOTHING -> fence(n)
  :: else
  fi
}

inline settle() {
  settle_node(0);
  settle_node(1);
  settle_node(2);
  /* As often as one step can make it due. */
  forget();
  forget();
#if SPAN > 3
  forget();
#endif
}

inline tick(n) {
  if
  :: lease[n] > 0 -> lease[n]--
  :: else
  fi;
  if
  :: wire[n] != NOTHING && age[n] + 1 < L -> age[n]++
  :: wire[n] != NOTHING && age[n] + 1 >= L -> /* too old to give a lease */
     wire[n] = NOTHING;
     age[n] = 0
  :: else
  fi;
  if
  :: IN(n) && !stopped[n] && elapsed[n] < W -> elapsed[n]++
  :: else
  fi
}

inline receive_grant(n, missed) {
  if
  :: LEASE_FROM(n) + missed > lease[n] -> lease[n] = LEASE_FROM(n) + missed
  :: else
  fi;
  wire[n] = NOTHING;
  age[n] = 0
}

proctype clock() {
  do
  :: d_step {
       true ->
       tick(0);
       tick(1);
       tick(2);
       settle()
     }
  od
}

proctype node(byte n) {
  do
  /* Section 3: renewals, grants, and their loss. */
  :: d_step { !out[n] && !stopped[n] && wire[n] == NOTHING && (IN(n) || deposed) -> wire[n] = RENEW }
  :: d_step {
       wire[n] != NOTHING ->
       wire[n] = NOTHING;
       age[n] = 0;
       settle()
     }
  :: d_step { wire[n] == GRANT -> receive_grant(n, 0) }
#ifdef DRIFT
  :: d_step { wire[n] == GRANT -> receive_grant(n, SLOW) }
#endif

  /* Section 4: installs the newest view, stops what it has lost, and has cleared it. */
  :: d_step {
       !out[n] && IN(n) && installed[n] < newest ->
       REACHED(SKIP, installed[n] + 1 < newest);
       held[n] = KEEPS(n);
       installed[n] = newest;
       settle()
     }
  /* Section 4: BarrierDone for the view that it has installed; it runs what it has gained. */
  :: d_step {
       !out[n] && !stopped[n] && !held[n] && OWNS(n, installed[n]) && BARRIER_DONE(installed[n]) ->
       REACHED(HANDOVER, MOVED(n) && OLD_OWNER_STAYS(n));
       REACHED(EVICTION, MOVED(n) && !OLD_OWNER_STAYS(n) && !OLD_OWNER_IS(out, n) && !OLD_OWNER_IS(stopped, n));
       REACHED(LEAVE, MOVED(n) && !OLD_OWNER_STAYS(n) && OLD_OWNER_IS(stopped, n));
       REACHED(REJOIN, (evicted & BIT(n)) != 0);
       held[n] = true
     }
  /* Section 4: sees that it is in the view no more. */
  :: d_step {
       !out[n] && !IN(n) ->
       fence(n);
       settle()
     }
  /* Section 4, leave: stops its actors, then says Stopped. */
#ifdef M_LEAVE
  :: d_step { !out[n] && !stopped[n] -> stopped[n] = true }
#else
  :: d_step {
       !out[n] && !stopped[n] ->
       stopped[n] = true;
       held[n] = false;
       lease[n] = 0;
       wire[n] = NOTHING;
       age[n] = 0;
       elapsed[n] = 0 /* not looked at any more */
     }
#endif
  od
}

/* What coordinators do about node n. */
proctype coordinator(byte n) {
  do
  /* Section 3: a renewal of a member is granted; its lease cannot have begun after this moment. */
  :: d_step {
       wire[n] == RENEW && MAY_GRANT(n) ->
       wire[n] = GRANT;
       elapsed[n] = 0
     }
  /* Section 3, may_evict: its lease is over, or it has said Stopped. */
  :: d_step {
       newest < SPAN && IN(n) && (LEASE_IS_OVER(n) || stopped[n]) ->
       REACHED(SUCCESSOR, deposed && !stopped[n]);
#ifdef REACH
       if
       :: !stopped[n] -> evicted = evicted | BIT(n)
       :: else
       fi;
#endif
       newest++;
       view[newest] = view[newest - 1] & ~BIT(n);
       elapsed[n] = 0;
       settle()
     }
  /* Section 4, join: as a new incarnation, with nothing to clear. */
  :: d_step {
       newest < SPAN && !IN(n) && out[n] ->
       newest++;
       view[newest] = view[newest - 1] | BIT(n);
       out[n] = false;
       installed[n] = newest;
       elapsed[n] = 0;
       settle()
     }
#ifdef REACH
  :: d_step { deposed && wire[n] == RENEW && !IN(n) -> REACHED(DEPOSED, true) }
#endif
  od
}

/* Section 2: somebody else becomes coordinator; it cannot know what its predecessor has granted. */
proctype election() {
  do
  :: d_step {
       true ->
#if defined(M_NOCONFIRM) || defined(REACH)
       deposed = true;
#endif
       elapsed[0] = ELAPSED_AT_ELECTION;
       elapsed[1] = ELAPSED_AT_ELECTION;
       elapsed[2] = ELAPSED_AT_ELECTION
     }
  od
}

proctype monitor() {
  d_step { LIVE(0) + LIVE(1) + LIVE(2) > 1 -> assert(I8_one_live_actor) }
}

/* Nodes 1 and 2 are members, 1 runs the slot; node 0 would own it if it joined. */
init {
  d_step {
    view[1] = BIT(1) | BIT(2);
    installed[1] = 1;
    installed[2] = 1;
    held[1] = true;
    lease[1] = L + SLOW;
    lease[2] = L + SLOW;
    out[0] = true
  }
  atomic {
    run clock();
    run election();
    run node(0);
    run node(1);
    run node(2);
    run coordinator(0);
    run coordinator(1);
    run coordinator(2);
    run monitor()
  }
}
