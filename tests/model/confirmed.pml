/* Leases that are confirmed: what a turn does leaves only after a grant to a renewal that was sent after the turn began. In
 * the code: MemberAgent (want_granted), Confirmations, ActorCell. The clocks of a member may stand still for any time (a VM that its host
 * stops).
 *
 * Without CONFIRMED: leases alone, as today. Neither STOP nor NOTIME: clocks go. NOTIME: gates are always open and
 * evictions wait for nothing, which contains STOP and is much smaller; so the mutations are tried with it.
 *
 * What stands for what
 *   One slot, its owner is the member with the lowest number; node 0 joins once, evicted nodes do not come back (a new
 *   incarnation would be another node). Views, barrier, leases as in views.pml.
 *   STOP: at a tick the clocks of any set of nodes may stand still: lease and age of a renewal do not move for them.
 *   A turn: begins (gate open, slot held; its caller may have called at this very moment), is decided (the check
 *   passed), is sent (later: the node may be stopped in between), is received (later: the network).
 *   Receivers: a caller with an old view takes anything. A member refuses a sender that its installed view lacks.
 *   STORE: an outside store that refuses a fence lower than the highest it has seen; writes go out in the middle of a
 *   turn, are not held back, and may be late.
 *
 * Invariants
 *   CALL    a call made after a newer owner has started is not answered by an older one (caller with an old view)
 *   MEMBER  a node that is in the newest view accepts nothing that was sent after a newer owner than the sender started
 *   CHAIN   an evicted node that does not know it, and has accepted such a thing, lets nothing out in its turn
 *   STORED  (STORE) no write of an older owner is accepted once a newer one has read
 *
 * Mutations (with CONFIRMED NOTIME)
 *   M_BEFORE        a grant to a renewal sent before the turn began counts                      CALL
 *   M_OLDTERM       a deposed coordinator grants without a round of its own                     CALL
 *   M_OLDROUND      a grant rests on a quorum round that began before the renewal came          CALL
 *   M_CLEARPENDING  a member reports cleared while outputs of the lost slot are still to leave  MEMBER
 *   M_NOVIEWCHECK   a member accepts from senders that its view lacks                           MEMBER
 *   M_SKIPBARRIER   a member that went straight to a later view counts as cleared for an earlier one: an evicted node
 *                   that does not know it may start with a HIGHER fence than the owner's            CALL
 *   M_NOBARRIER     the new owner starts before all members have installed its view             MEMBER
 *   M_READFIRST     (STORE) a new owner reads before it has written its fence                   STORED
 * With -DREACH=x the model must fail: 1 the residual window: an output of a turn that began in time is accepted, by a
 * caller with an old view, though it left after a newer owner had started; 2 a member refuses such an output;
 * 3 an output is released in order after a hand-over was asked for (nothing is blocked);
 * 4 an evicted node that does not know it accepts such an output.
 */
#ifndef L
#define L 2
#endif
#ifndef MAXEP
#define MAXEP 4
#endif
#define W L
#define N 3
byte newest=1; byte vs[MAXEP+1];
byte elapsed[N];
bool held[N]; byte inst[N]; byte lease[N]; byte acq[N]; bool out[N];
byte wire[N]; byte age[N]; bool cov[N];           /* 0, 1 renewal, 2 grant; the renewal was sent after the turn began */
byte turn[N]; bool tainted[N];                    /* 0, 1 begun, 2 decided; it began after a newer owner had started */
byte msg[N];                                      /* on its way: 0, 1 sent in time, 2 sent late, 3 of a tainted turn */
byte started;                                     /* ghost: the epoch of the newest start */
bool poison[N]; bool pcov[N];                     /* accepted something late while evicted; the same for its renewal */
#ifdef M_OLDROUND
bool round[N];
#endif
#ifdef STORE
byte sfence; byte sread; bool claimed[N]; byte wr[N];
#endif
#ifdef ONLYMEMBER                                 /* without CONFIRMED: what is left under STOP or NOTIME */
bool CALL=1; bool CHAIN=1;
#elif defined(ONLYCHAIN)
bool CALL=1; bool CHAIN;
#else
bool CALL; bool CHAIN;
#endif
bool MEMBER; bool STORED; bool event_is_never_reached;
#define BIT(n) (1<<(n))
#define MEM(n,v) ((vs[v]>>(n))&1)
#define IN(n) MEM(n,newest)
#define OWNS(n,v) ((vs[v]&(~vs[v]+1))==BIT(n))
#ifdef M_SKIPBARRIER
#define CLR(n,v) (!MEM(n,v) || inst[n]>=(v))
#else
byte cl[MAXEP+1];                                 /* who has installed, and cleared, exactly this view */
#define CLR(n,v) (!MEM(n,v) || ((cl[v]>>(n))&1))
#endif
#ifdef M_SKIPBARRIER
#define CLEARED(n)
#else
#define CLEARED(n) ; cl[inst[n]]=cl[inst[n]]|BIT(n)
#endif
#ifdef M_NOBARRIER
#define BAR(v) true
#else
#define BAR(v) (CLR(0,v)&&CLR(1,v)&&CLR(2,v))
#endif
#ifdef NOTIME
#define GATE(n) true
#define OVER(n) true
#else
#define GATE(n) (lease[n]>0)
#define OVER(n) (elapsed[n]>=W)
#endif
#ifdef M_READFIRST
#define MAY_WRITE(n) true
#else
#define MAY_WRITE(n) claimed[n]
#endif
#define NEWER(n) (started>acq[n])
#ifdef REACH
#define REACHED(e, c) if :: REACH==e && (c) -> assert(event_is_never_reached) :: else fi
#else
#define REACHED(e, c) skip
#endif
inline noturn(n) { turn[n]=0; tainted[n]=0; cov[n]=0 }
inline fence(n) { out[n]=1; held[n]=0; lease[n]=0; wire[n]=0; age[n]=0; noturn(n); poison[n]=0; pcov[n]=0 }
inline tick1(n, still) {
  if :: !still ->
     if :: lease[n]>0 -> lease[n]-- :: else fi;
     if :: wire[n]>0 -> age[n]++; if :: age[n]>=L -> wire[n]=0; age[n]=0; cov[n]=0; pcov[n]=0 :: else fi :: else fi
  :: else fi;
  if :: IN(n) && elapsed[n]<W -> elapsed[n]++ :: else fi }
inline tick(m) { tick1(0, ((m)&1)); tick1(1, (((m)>>1)&1)); tick1(2, (((m)>>2)&1)) }

proctype clock() { do
  :: d_step { true -> tick(0) }
#ifdef STOP
  :: d_step { true -> tick(1) }
  :: d_step { true -> tick(2) }
  :: d_step { true -> tick(4) }
  :: d_step { true -> tick(3) }
  :: d_step { true -> tick(5) }
  :: d_step { true -> tick(6) }
  :: d_step { true -> tick(7) }
#endif
  od }
proctype node(byte n) { do
  :: d_step { !out[n] && wire[n]==0 -> wire[n]=1; cov[n]=(turn[n]==1); pcov[n]=poison[n] }
  :: d_step { wire[n]>0 -> wire[n]=0; age[n]=0; cov[n]=0; pcov[n]=0 }
  :: d_step { wire[n]==2 ->
       if :: L-age[n]>lease[n] -> lease[n]=L-age[n] :: else fi;
#ifdef NOTIME
       lease[n]=0;
#endif
#ifdef CONFIRMED
#ifdef M_BEFORE
       if :: turn[n]==1 -> turn[n]=2 :: else fi;
#else
       if :: turn[n]==1 && cov[n] -> turn[n]=2; REACHED(3, newest>inst[n] && IN(n) && !OWNS(n,newest)) :: else fi;
#endif
       if :: poison[n] && pcov[n] -> assert(CHAIN) :: else fi;
#endif
       wire[n]=0; age[n]=0; cov[n]=0; pcov[n]=0 }
#ifndef CONFIRMED
  :: d_step { turn[n]==1 && GATE(n) -> turn[n]=2 }
  :: d_step { poison[n] && GATE(n) -> assert(CHAIN) }
#endif
  :: d_step { !out[n] && held[n] && GATE(n) && turn[n]==0 -> turn[n]=1; tainted[n]=NEWER(n); cov[n]=0 }
  :: d_step { turn[n]==2 && msg[n]==0 -> msg[n]=(tainted[n] -> 3 : (NEWER(n) -> 2 : 1)); noturn(n) }
  :: d_step { msg[n]!=0 -> msg[n]=0 }                                   /* lost */
  /* a caller with an old view */
  :: d_step { msg[n]!=0 -> REACHED(1, msg[n]==2); if :: msg[n]==3 -> assert(CALL) :: else fi; msg[n]=0 }
  :: d_step { !out[n] && IN(n) && inst[n]<newest ->
       if :: held[n] && !OWNS(n,newest) -> held[n]=0;
#ifndef M_CLEARPENDING
             noturn(n)
#else
             skip
#endif
          :: else fi;
       inst[n]=newest CLEARED(n) }
  :: d_step { !out[n] && !held[n] && inst[n]>0 && OWNS(n,inst[n]) && GATE(n) && BAR(inst[n]) -> held[n]=1; acq[n]=inst[n];
       if :: acq[n]>started -> started=acq[n] :: else fi }
  :: d_step { !out[n] && !IN(n) -> fence(n) }
#ifdef STORE
  /* a write in the middle of a turn; the thread may have been frozen since the gate: it needs no lease any more */
  :: d_step { held[n] && wr[n]==0 && MAY_WRITE(n) -> wr[n]=acq[n] }
  :: d_step { wr[n]!=0 -> if :: wr[n]>=sfence -> sfence=wr[n]; if :: wr[n]<sread -> assert(STORED) :: else fi :: else fi; wr[n]=0 }
  :: d_step { wr[n]!=0 -> wr[n]=0 }
#ifdef M_READFIRST
  :: d_step { held[n] && sread<acq[n] -> sread=acq[n] }
#else
  :: d_step { held[n] && !claimed[n] && acq[n]>=sfence -> sfence=acq[n]; claimed[n]=1 }
  :: d_step { held[n] && claimed[n] && sread<acq[n] && sfence==acq[n] -> sread=acq[n] }
#endif
#endif
  od }
/* member k receives what n has sent */
#ifdef M_NOVIEWCHECK
#define KNOWN(n,k) true
#else
#define KNOWN(n,k) MEM(n,inst[k])
#endif
proctype receiver(byte k; byte n) { do
  :: d_step { msg[n]!=0 && !out[k] && inst[k]>0 && KNOWN(n,k) ->
       if :: msg[n]>=2 && IN(k) -> assert(MEMBER)
          :: msg[n]>=2 && !IN(k) -> poison[k]=1; REACHED(4, true)
          :: else fi;
       msg[n]=0 }
#if REACH==2
  :: d_step { msg[n]>=2 && !out[k] && inst[k]>0 && !KNOWN(n,k) -> REACHED(2, true) }
#endif
  od }
proctype coordinator(byte n) { do
#ifdef M_OLDROUND
  :: d_step { IN(n) && !round[n] -> round[n]=1 }
  :: d_step { wire[n]==1 && round[n] -> wire[n]=2; round[n]=0; elapsed[n]=0 }
#else
  :: d_step { wire[n]==1 && IN(n) -> wire[n]=2; elapsed[n]=0 }
#endif
#ifdef M_OLDTERM
  :: d_step { wire[n]==1 && !IN(n) -> wire[n]=2 }
#endif
  :: d_step { newest<MAXEP && IN(n) && OVER(n) -> vs[newest+1]=vs[newest] & ~BIT(n); newest++; elapsed[n]=0 }
  :: d_step { newest<MAXEP && n==0 && inst[0]==0 -> vs[newest+1]=vs[newest]|1; newest++; inst[0]=newest; out[0]=0; elapsed[0]=0 CLEARED(0) }
  od }
init { d_step {
    vs[1]=6; inst[1]=1; inst[2]=1; held[1]=1; acq[1]=1; started=1; out[0]=1;
#ifndef NOTIME
    lease[1]=L; lease[2]=L
#endif
  }
  atomic {
#ifndef NOTIME
    run clock();
#endif
    run node(0); run node(1); run node(2); run coordinator(0); run coordinator(1); run coordinator(2);
    run receiver(0,1); run receiver(0,2); run receiver(1,0); run receiver(1,2); run receiver(2,0); run receiver(2,1) }
}
