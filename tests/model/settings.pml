/* Settings in the view: how a running cluster changes its lease and wait. core/membership/profile_change.hpp does it, as BY 3 below.
 *
 * A view has a stage, a pair (lease, wait): LAN, then MIX with the short lease and the long wait, then CLOUD.
 * LAN -> CLOUD is one view. CLOUD -> LAN is two: MIX, and once the barrier of a view of stage MIX is complete, LAN.
 * What it shows: each of time and barrier alone is enough for ONE design (BY, below) and not for the others. Upwards one
 * view is enough if the wait is read from the view that the compare-and-set replaces. Downwards one view is never enough.
 *
 * What stands for what
 *   The register is `newest` with a member set and a stage per view; a coordinator's compare-and-set is one step.
 *   A stage is a pair (lease, wait): LAN = (S, WS), MIX = (S, WG), CLOUD = (G, WG), with S < G, WS = S, WG = G
 *   (and one more each with DRIFT, where a node's clock may miss one tick of a lease).
 *   One slot; its owner is the member with the lowest number. Views, leases, the barrier, elections and leaving as in
 *   views.pml. Grants are confirmed, so a deposed coordinator gives none.
 *   `since` counts what a coordinator must have seen go by before it may take the long wait away; a new coordinator
 *   begins at 0, for it does not know what its predecessor saw.
 *
 * BY: who says how long a lease is
 *   1  the grant names the lease of the newest view when it is given.       Wait dropped: WG after MIX was chosen
 *   2  the member, by its installed view when the grant arrives.            Wait dropped: barrier of MIX, and WG after it
 *   3  as 2, and at install the member cuts the lease that it has to
 *      t0 + the view's lease.                                               Wait dropped: barrier of MIX, no time
 * LAN -> CLOUD is one view in all three.
 *
 * Mutations, each of which must break I4 or I8
 *   M_ONESTEP      CLOUD -> LAN in one view
 *   M_NOWAIT       MIX -> LAN at once
 *   M_SHORTWAIT    MIX -> LAN after the short wait                                  (BY 1, 2)
 *   M_TIMEONLY     MIX -> LAN a long wait after MIX was chosen, without the barrier (BY 2)
 *   M_BARRIERONLY  MIX -> LAN after the barrier, without a wait                     (BY 1, 2)
 *   M_ELECTED      a new coordinator takes for granted that its predecessor waited  (BY 1, 2)
 *   M_SENDLEN      the lease of the view installed when the renewal was SENT        (BY 3)
 *   M_LEASEFIRST   LAN -> CLOUD through (G, WS): the lease before the wait
 *   M_STALECAS     an eviction by the wait of the view before is committed on the newest one
 *   M_CONFIG       a member takes the long lease of its own config, whatever the view says
 * With -DREACH=x the model must fail: 1 an eviction after CLOUD -> MIX -> LAN, 2 one after LAN -> CLOUD.
 */
#ifndef N
#define N 2
#endif
#ifndef S
#define S 1
#endif
#ifndef G
#define G 3
#endif
#ifndef MAXEP
#define MAXEP 5
#endif
#ifndef BY
#define BY 3
#endif
#ifdef DRIFT
#define SLOW 1
#else
#define SLOW 0
#endif
#define WS (S+SLOW)
#define WG (G+SLOW)
#define LAN 1
#define MIX 2
#define CLOUD 3
#define BAD 4                                     /* (G, WS), only for M_LEASEFIRST */
#define LEASE(st) (((st)==CLOUD || (st)==BAD) -> G : S)
#define WAIT(st) (((st)==MIX || (st)==CLOUD) -> WG : WS)

byte newest=1; byte vs[MAXEP+1]; byte stage[MAXEP+1];
byte elapsed[N];                                  /* the coordinator's: ticks since a lease of n can last have begun */
byte since;                                       /* ticks since the old leases can last have been given */
bool held[N]; byte inst[N]; byte lease[N]; byte t0[N]; bool out[N]; bool stopped[N];
byte wire[N]; byte age[N]; byte named[N];         /* 0, 1 renewal, 2 grant; ticks since it was sent; lease it names */
#ifdef REACH
bool was_cloud, was_lan;
#endif
bool I4_evicted_without_lease; bool I8_one_live_actor; bool event_is_never_reached;
#define BIT(n) (1<<(n))
#define MEM(n,v) ((vs[v]>>(n))&1)
#define IN(n) MEM(n,newest)
#define OWNS(n,v) ((vs[v]&(~vs[v]+1))==BIT(n))
#define CLR(n,v) (!MEM(n,v) || inst[n]>=(v))
#if N==3
#define BAR(v) (CLR(0,v)&&CLR(1,v)&&CLR(2,v))
#define EACH(f) f(0); f(1); f(2)
#else
#define BAR(v) (CLR(0,v)&&CLR(1,v))
#define EACH(f) f(0); f(1)
#endif
#define LIVE(n) (held[n]&&lease[n]>0)
/* barrier of the MIX stage: every member of the newest view has installed it (it is MIX, or later than MIX) */
#define MIXBAR BAR(newest)
#if BY==1
#define COUNTS true
#else
#define COUNTS MIXBAR
#endif
#if defined(M_NOWAIT)
#define OLD_IS_OVER true
#elif defined(M_BARRIERONLY)
#define OLD_IS_OVER MIXBAR
#elif defined(M_TIMEONLY)
#undef COUNTS
#define COUNTS true
#define OLD_IS_OVER (since>=WG)
#elif defined(M_SHORTWAIT)
#define OLD_IS_OVER (COUNTS && since>=WS)
#elif BY==3
#define OLD_IS_OVER MIXBAR
#else
#define OLD_IS_OVER (COUNTS && since>=WG)
#endif
#if defined(M_CONFIG)
#define LEN(n) G
#elif BY==1
#define LEN(n) named[n]
#elif defined(M_SENDLEN)
#define LEN(n) named[n]
#else
#define LEN(n) LEASE(stage[inst[n]])
#endif
inline fence(n) { out[n]=1; held[n]=0; stopped[n]=0; lease[n]=0; wire[n]=0; age[n]=0; named[n]=0; t0[n]=0; inst[n]=0 }
inline settle1(n) { if :: !out[n] && !IN(n) && lease[n]==0 && wire[n]==0 -> fence(n) :: else fi }
inline settle() { EACH(settle1) }
inline check1(n) { if :: !IN(n) && !out[n] && !stopped[n] && lease[n]>0 -> assert(I4_evicted_without_lease) :: else fi }
inline check() {
#ifndef NOI4
  EACH(check1);
#endif
  if :: LIVE(0)&&LIVE(1) -> assert(I8_one_live_actor) :: else fi
#if N==3
  ; if :: LIVE(2)&&(LIVE(0)||LIVE(1)) -> assert(I8_one_live_actor) :: else fi
#endif
}
inline tick(n) {
  if :: lease[n]>0 -> lease[n]--; if :: t0[n]<G+SLOW -> t0[n]++ :: else fi; if :: lease[n]==0 -> t0[n]=0 :: else fi :: else fi;
  if :: wire[n]>0 && age[n]+1<G -> age[n]++ :: wire[n]>0 && age[n]+1>=G -> wire[n]=0; age[n]=0; named[n]=0 :: else fi;
  if :: IN(n) && !stopped[n] && elapsed[n]<WG -> elapsed[n]++ :: else fi }
inline receive(n, missed) {
  if :: LEN(n)+missed > age[n] && LEN(n)+missed-age[n] > lease[n] -> lease[n]=LEN(n)+missed-age[n]; t0[n]=age[n] :: else fi;
  wire[n]=0; age[n]=0; named[n]=0 }
#define NEW(mem, st) vs[newest+1]=(mem); stage[newest+1]=(st); newest++
inline evict(n) { 
#ifdef REACH
  if :: REACH==1 && was_cloud && stage[newest]==LAN && !stopped[n] -> assert(event_is_never_reached)
     :: REACH==2 && was_lan && stage[newest]==CLOUD && !stopped[n] -> assert(event_is_never_reached) :: else fi;
#endif
  NEW(vs[newest] & ~BIT(n), stage[newest]); elapsed[n]=0; settle(); check() }

proctype clock() { do
  :: d_step { true -> EACH(tick); if :: stage[newest]==MIX && COUNTS && since<WG -> since++ :: else fi; settle(); check() }
  od }
proctype node(byte n) { do
  :: d_step { !out[n] && !stopped[n] && wire[n]==0 && IN(n) -> wire[n]=1;
#ifdef M_SENDLEN
       named[n]=LEASE(stage[inst[n]])
#endif
     }
  :: d_step { wire[n]>0 -> wire[n]=0; age[n]=0; named[n]=0; settle() }
  :: d_step { wire[n]==2 -> receive(n, 0); check() }
#ifdef DRIFT
  :: d_step { wire[n]==2 -> receive(n, 1); check() }
#endif
  :: d_step { !out[n] && IN(n) && inst[n]<newest ->
       held[n]=(held[n] && OWNS(n,newest)); inst[n]=newest;
#if BY==3
       /* cut: t0 + the lease of the view just installed */
       if :: lease[n]>0 && t0[n]+lease[n]>LEASE(stage[newest])+SLOW ->
               if :: t0[n]>=LEASE(stage[newest])+SLOW -> lease[n]=0; t0[n]=0 :: else -> lease[n]=LEASE(stage[newest])+SLOW-t0[n] fi
          :: else fi;
#endif
       check() }
  :: d_step { !out[n] && !stopped[n] && !held[n] && inst[n]>0 && OWNS(n,inst[n]) && BAR(inst[n]) -> held[n]=1; check() }
  :: d_step { !out[n] && !IN(n) -> fence(n) }
  :: d_step { !out[n] && !stopped[n] -> stopped[n]=1; held[n]=0; lease[n]=0; t0[n]=0; wire[n]=0; age[n]=0; named[n]=0; elapsed[n]=0 }
  od }
proctype coordinator(byte n) { do
  :: d_step { wire[n]==1 && IN(n) -> wire[n]=2; elapsed[n]=0;
#if BY==1
       named[n]=LEASE(stage[newest])
#endif
     }
#ifdef M_STALECAS
  :: d_step { newest<MAXEP && newest>1 && IN(n) && elapsed[n]>=WAIT(stage[newest-1]) -> evict(n) }
#else
  :: d_step { newest<MAXEP && IN(n) && elapsed[n]>=WAIT(stage[newest]) -> evict(n) }
#endif
  :: d_step { newest<MAXEP && IN(n) && stopped[n] -> evict(n) }
  :: d_step { newest<MAXEP && !IN(n) && out[n] -> NEW(vs[newest]|BIT(n), stage[newest]); out[n]=0; inst[n]=newest; elapsed[n]=0; check() }
  od }
proctype verb() { do
  :: d_step { newest<MAXEP && stage[newest]==LAN -> NEW(vs[newest], MIX); since=0 }
#ifdef M_LEASEFIRST
  :: d_step { newest<MAXEP && stage[newest]==LAN -> NEW(vs[newest], BAD) }
  :: d_step { newest<MAXEP && stage[newest]==BAD -> NEW(vs[newest], CLOUD) }
#else
  :: d_step { newest<MAXEP && stage[newest]==LAN -> NEW(vs[newest], CLOUD) }
#endif
  :: d_step { newest<MAXEP && stage[newest]==MIX -> NEW(vs[newest], CLOUD); since=0 }
#ifdef M_ONESTEP
  :: d_step { newest<MAXEP && stage[newest]==CLOUD -> NEW(vs[newest], LAN); check() }
#endif
  :: d_step { newest<MAXEP && stage[newest]==CLOUD -> NEW(vs[newest], MIX); since=0 }
  :: d_step { newest<MAXEP && stage[newest]==MIX && OLD_IS_OVER -> NEW(vs[newest], LAN); since=0; check() }
  od }
proctype election() { do
  :: d_step { true -> elapsed[0]=0; elapsed[1]=0;
#if N==3
       elapsed[2]=0;
#endif
#ifdef M_ELECTED
       since=WG
#else
       since=0
#endif
     }
  od }
init {
  atomic {
    if :: stage[1]=LAN; lease[0]=S+SLOW; lease[1]=S+SLOW :: stage[1]=CLOUD; lease[0]=G+SLOW; lease[1]=G+SLOW fi;
#ifdef REACH
    if :: stage[1]==CLOUD -> was_cloud=1 :: else -> was_lan=1 fi;
#endif
    vs[1]=3; inst[0]=1; inst[1]=1; held[0]=1;
#if N==3
    out[2]=1
#endif
    ; run clock(); run verb(); run election(); run node(0); run node(1); run coordinator(0); run coordinator(1);
#if N==3
    run node(2); run coordinator(2)
#endif
  }
}
