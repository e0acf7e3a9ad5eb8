%% Registers names with `global` on two connected nodes, finds them, and calls processes of the other node by their names.
-module(bench_global).
-export([main/1, echo/0]).

main([Text]) ->
    Ms = list_to_integer(Text),
    Id = os:getpid(),
    {ok, _} = net_kernel:start([list_to_atom("bench_a" ++ Id ++ "@127.0.0.1"), longnames]),
    {ok, Peer, Other} = peer:start_link(#{name => "bench_b" ++ Id, host => "127.0.0.1", longnames => true,
                                          args => ["-pa", filename:dirname(code:which(?MODULE))]}),
    ok = global:sync(),
    Servers = [erlang:spawn(Other, ?MODULE, echo, []) || _ <- lists:seq(1, 64)],
    [yes = global:register_name({bench, N}, P) || {N, P} <- lists:zip(lists:seq(0, 63), Servers)],
    figure("erlang_global.lookup", ns_each(Ms, fun() -> global:whereis_name({bench, 7}) end), "ns"),
    figure("erlang_global.register", 1.0e9 / ns_each(Ms, fun() ->
        yes = global:register_name({new, erlang:unique_integer()}, spawn(?MODULE, echo, [])) end), "1/s"),
    figure("erlang_global.call.1", ns_each(Ms, fun() -> call(7) end), "ns"),
    figure("erlang_global.call.64", calls(Ms, 64), "1/s"),
    peer:stop(Peer),
    halt(0).

echo() ->
    receive {call, From, Ref} -> From ! {Ref, ok} end,
    echo().

call(N) ->
    Ref = make_ref(),
    global:whereis_name({bench, N}) ! {call, self(), Ref},
    receive {Ref, ok} -> ok end.

calls(Ms, Callers) ->
    Self = self(),
    Started = erlang:monotonic_time(nanosecond),
    End = Started + Ms * 1000000,
    [spawn_link(fun() -> Self ! {done, calls_until(End, N rem 64, 0)} end) || N <- lists:seq(1, Callers)],
    Total = lists:sum([receive {done, Count} -> Count end || _ <- lists:seq(1, Callers)]),
    Total * 1.0e9 / (erlang:monotonic_time(nanosecond) - Started).

calls_until(End, N, Count) ->
    call(N),
    case erlang:monotonic_time(nanosecond) < End of
        true -> calls_until(End, N, Count + 1);
        false -> Count + 1
    end.

ns_each(Ms, Fun) ->
    Started = erlang:monotonic_time(nanosecond),
    Count = repeat(Started + Ms * 1000000, Fun, 0),
    (erlang:monotonic_time(nanosecond) - Started) / Count.

%% The clock is read once in ten times.
repeat(End, Fun, Count) ->
    [Fun() || _ <- lists:seq(1, 10)],
    case erlang:monotonic_time(nanosecond) < End of
        true -> repeat(End, Fun, Count + 10);
        false -> Count + 10
    end.

figure(Name, Value, Unit) ->
    io:format("{\"name\":\"~s\",\"value\":~.3f,\"unit\":\"~s\"}~n", [Name, Value * 1.0, Unit]).
