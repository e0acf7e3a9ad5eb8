/* Rescue: a register that has lost the majority of its voters is continued from one surviving store by an explicit act:
 * core/membership/rescue.hpp.
 *
 * DISTINCT, MIX and KNOWS are small bookkeeping checks; the weight is in FENCE, GOES_ON and TWO.
 *
 * What stands for what
 *   Voters' stores 0, 1, 2 of the old lineage. A proposed view is accepted by a store at any later time; what a store
 *   said before it was lost or retired still counts then (late Accepted and Acks). One proposal at a time, epochs 1..E.
 *   Elections inside the old lineage are left out (register.pml has them); `bid` is the ballot of its candidates, who
 *   always may take a higher one than they are refused with.
 *   Stores 1 and 2 are lost, store 0 is rescued. Later 1 and 2 may come back, each or both, told or not of the rescue,
 *   and store 1 may be rescued too, by somebody who knows nothing of the first rescue.
 *   Views of epoch >= CLOUDEP have lease 3, those before lease 1; store 0 may not have seen that change.
 *   A fence of the old lineage is its epoch. The first fence of a rescued one is base: generation * 16, where the
 *   generation is unique for each (round, voter id), as ballots are; an epoch never reaches the next generation.
 *
 * Invariants
 *   FENCE      no epoch of the old lineage, chosen before the rescue or ever after, reaches the base of a rescued one
 *   DISTINCT   two rescues from two survivors have different bases
 *   MIX        a member of one rescued cluster takes no view of the other
 *   GOES_ON    unless BOTH lost voters have been back untold, the old lineage chooses nothing that had not been proposed before the rescue
 *   TWO        unless both have been back untold, no lease of the old lineage is valid when the rescued cluster runs its first actor
 *   KNOWS      a store that was told of a rescue, or votes in the rescued cluster, never acts for the old lineage again
 *
 * Mutations
 *   M_SMALLJUMP   base = the survivor's epoch + 1                                            FENCE
 *   M_FIXEDJUMP   base = the survivor's epoch + a fixed number                               FENCE
 *   M_SAMEGEN     the generation counts rescues and does not name the survivor               DISTINCT
 *   M_SAMEID      the cluster id is kept (or computed from the old one): no lineage id       MIX
 *   M_BALLOTONLY  the survivor keeps its store id, and only its promise jumps                GOES_ON
 *   M_NOWAIT      the rescued cluster does not wait                                          TWO
 *   M_STALEWAIT   it waits as long as the survivor's view says                               TWO
 *   M_FORGETWAIT  a rescued process that restarts does not begin its wait anew (it counts
 *                 from the loss that it believes in, which may be before the last grant)     TWO
 *   M_VOLATILE    "told" is not written down: forgotten at restart                           KNOWS
 *   M_REUSE       a lost store that comes back votes in the rescued cluster as it is         KNOWS
 * M_SMALLJUMP and M_FIXEDJUMP with -DONE too (no second rescue), or else DISTINCT breaks first.
 * With -DREACH=x it must fail: 1 both come back and reach nobody: the old cluster goes on beside the rescued one (this
 * cannot be prevented, only promised by people); 2 the outstanding proposal is chosen after the rescue with one back;
 * 3 two rescued clusters; 4 a returned store is told, and the other one alone is no majority.
 */
#ifndef E
#define E 7
#endif
#define CLOUDEP 3
#define LEASE(e) ((e)>=CLOUDEP -> 3 : 1)
#define WMAX 3
byte proposed=1; byte chosen=1; byte acc[3]; bool up[3]; bool retired[3]; bool knows[3];
byte prom[3]; byte bid=1;
byte before;                                     /* ghost: highest epoch proposed before the rescue */
byte back; bool bothback;                        /* ghost: lost stores that came back untold, at some time */
byte base[2]; byte lineage[2];                   /* rescue from 0, from 1; 0: none */
byte lease; byte rage; byte acks; bool rounds;   /* an old member's lease; the confirm round under way */
byte nwait; bool running;                        /* the cluster rescued from 0 */
bool FENCE; bool DISTINCT; bool MIX; bool GOES_ON; bool TWO; bool KNOWS; bool event_is_never_reached;
#define BIT(a) (1<<(a))
#define TWO_OF(m) (((m)&((m)-1))!=0)
#define ACTS(a) (up[a] && !retired[a] && bid>=prom[a])
#define HASACC(a,e) ((acc[a]>=(e)) -> BIT(a) : 0)
#define RESCUED (base[0]!=0)
#ifdef REACH
#define REACHED(e, c) if :: REACH==e && (c) -> assert(event_is_never_reached) :: else fi
#else
#define REACHED(e, c) skip
#endif
#ifdef M_NOWAIT
#define WAIT0 0
#elif defined(M_STALEWAIT)
#define WAIT0 LEASE(acc[0])
#else
#define WAIT0 WMAX
#endif
#if defined(M_SMALLJUMP)
#define BASE(a, round) (acc[a]+1)
#elif defined(M_FIXEDJUMP)
#define BASE(a, round) (acc[a]+3)
#elif defined(M_SAMEGEN)
#define BASE(a, round) (16*(round))
#else
#define BASE(a, round) (16*(2*(round)+(a)))
#endif
#ifdef M_SAMEID
#define LINEAGE(a) 1
#else
#define LINEAGE(a) (1+(a))
#endif
inline check() {
  if :: base[0]!=0 && chosen>=base[0] -> assert(FENCE) :: base[1]!=0 && chosen>=base[1] -> assert(FENCE) :: else fi;
  if :: base[0]!=0 && base[0]==base[1] -> assert(DISTINCT) :: else fi;
  if :: running && lease>0 && !bothback -> assert(TWO) :: else fi }
inline acted(a) { if :: knows[a] -> assert(KNOWS) :: else fi }

/* the old lineage */
proctype store(byte a) { do
  :: d_step { ACTS(a) && acc[a]<proposed -> acted(a); acc[a]=proposed;
       if :: chosen<proposed && TWO_OF(HASACC(0,proposed)|HASACC(1,proposed)|HASACC(2,proposed)) ->
               chosen=proposed;
               if :: RESCUED && !bothback && chosen>before -> assert(GOES_ON) :: else fi;
               REACHED(1, RESCUED && bothback && chosen>before);
               REACHED(2, RESCUED && !bothback)
          :: else fi;
       check() }
  :: d_step { ACTS(a) && rounds && !((acks>>a)&1) -> acted(a); acks=acks|BIT(a);
       if :: TWO_OF(acks) ->                                          /* confirmed: a lease from the round's beginning */
               if :: LEASE(chosen)>rage && LEASE(chosen)-rage>lease -> lease=LEASE(chosen)-rage :: else fi;
               rounds=0; acks=0; rage=0
          :: else fi;
       check() }
  od }
proctype old() { do
  :: d_step { proposed==chosen && proposed<E -> proposed++ }
  :: d_step { !rounds -> rounds=1; acks=0; rage=0 }
  :: d_step { rounds -> rounds=0; acks=0; rage=0 }
#ifdef M_BALLOTONLY
  :: d_step { bid<3 -> bid++ }                                        /* refused with a higher ballot: takes a higher one */
#endif
  od }
proctype clock() { do
  :: d_step { true -> if :: lease>0 -> lease-- :: else fi;
       if :: rounds && rage<3 -> rage++ :: rounds && rage>=3 -> rounds=0; acks=0; rage=0 :: else fi;
       if :: nwait>0 -> nwait-- :: else fi }
  od }
/* the world: losses, returns, people */
proctype loss(byte a) { do
  :: d_step { up[a] && !RESCUED -> up[a]=0 }
  :: d_step { !up[a] && RESCUED -> up[a]=1; back=back|(retired[a] -> 0 : BIT(a)); bothback=TWO_OF(back) }
  :: d_step { up[a] && RESCUED && !retired[a] -> retired[a]=1; knows[a]=1; REACHED(4, up[3-a]) }  /* told, at first contact */
  :: d_step { !up[a] && RESCUED && !retired[a] -> up[a]=1; retired[a]=1; knows[a]=1 }      /* told before it acts */
#ifdef M_VOLATILE
  :: d_step { retired[a] -> retired[a]=0 }
#endif
#ifdef M_REUSE
  :: d_step { up[a] && RESCUED && !retired[a] -> knows[a]=1 }           /* votes for the rescued cluster from now on */
#endif
  od }
proctype people() { do
  :: d_step { !RESCUED && !up[1] && !up[2] -> base[0]=BASE(0,1); lineage[0]=LINEAGE(0); nwait=WAIT0; before=proposed;
#ifdef M_BALLOTONLY
       prom[0]=2;
#else
       retired[0]=1; knows[0]=1;
#endif
       check() }
#ifdef M_FORGETWAIT
  :: d_step { RESCUED && !running && nwait>0 -> nwait=0 }
#else
  :: d_step { RESCUED && !running && nwait<WAIT0 -> nwait=WAIT0 }       /* the rescued process restarts */
#endif
  :: d_step { RESCUED && !running && nwait==0 -> running=1; check() }
#ifndef ONE
  /* another one, who sees store 1 alone and cannot reach the first rescue */
  :: d_step { base[1]==0 && up[1] && !retired[1] && !up[2] -> base[1]=BASE(1,1); lineage[1]=LINEAGE(1); retired[1]=1; knows[1]=1;
       REACHED(3, RESCUED); check() }
#endif
  /* a member of the cluster rescued from 0 meets a view of the one rescued from 1, of a later epoch */
  :: d_step { RESCUED && base[1]!=0 && lineage[0]==lineage[1] -> assert(MIX) }
  od }
init { d_step { acc[0]=1; acc[1]=1; acc[2]=1; up[0]=1; up[1]=1; up[2]=1 }
  atomic { run store(0); run store(1); run store(2); run old(); run clock(); run loss(1); run loss(2); run people() } }
