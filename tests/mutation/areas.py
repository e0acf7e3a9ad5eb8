"""Which tests see a folder: the unit tests of the area first, then whole programs on virtual time, real clusters last."""
import dataclasses
import pathlib
import re


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    targets: tuple[str, ...]  # what is built for it
    command: tuple[str, ...]  # in the build folder
    twice: bool = False       # real time is in it: only what fails twice has failed


def unit(name: str, folder: str, twice: bool = False) -> Step:
    command = (f"tests/{folder}/{name}", "--catch_system_errors=no", "--color_output=no", "--report_level=no")
    return Step(name, (name,), command, twice)


# Cases of minutes, on a busy machine: apart, for mutants that the others do not see.
LONG = ("router_random", "router_views/a_hand_over_to_a_node_that_does_not_serve_yet_costs_a_few_milliseconds_more_than_it_takes",
        "router_views/a_hand_over_to_a_node_that_is_behind_costs_a_few_milliseconds_more_than_it_takes",
        "router_views/look_ups_go_to_the_new_owner_within_milliseconds_of_the_new_view_being_anywhere",
        "router_crowds/peers_that_come_and_go_use_the_same_places", "slot_table/everyone_has_its_weighted_share_to_within_one_slot")


def part(name: str, whole: Step, chosen: list[str]) -> Step:
    general = (word for word in whole.command if not word.startswith("--run_test="))
    return dataclasses.replace(whole, name=name, command=(*general, *(f"--run_test={case}" for case in chosen)))


def once_more(step: Step, failed: str) -> Step:
    """What is run to see whether that was luck: of many cases the one that has failed."""
    return part(step.name, step, [failed]) if step.command[0] != "ctest" and "/" in failed else step


def contract(name: str, seeds: str) -> Step:
    return Step(name, ("reki-contract",), ("tests/contract/reki-contract", "--no-shrink", "--seeds", seeds))


def clusters(seeds: str) -> Step:
    program = "tests/contract/cluster/reki-contract-cluster"
    return Step("clusters on virtual time", ("reki-contract-cluster",), (program, "--seeds", seeds))


# Few kinds of faults show what all kinds at once hide.
def sim(name: str, seeds: str, *options: str) -> Step:
    return Step(name, ("reki-sim",), ("tests/sim/fast/reki-sim", "--seeds", seeds, *options))


def cases(name: str, targets: tuple[str, ...], pattern: str) -> Step:
    return Step(name, targets, ("ctest", "--output-on-failure", "--stop-on-failure", "--no-tests=error", "-R", pattern), twice=True)


def cluster(name: str, *tests: str) -> Step:
    targets = ("reki-node", "reki_cli", "counter", "cluster_test_probe", "cluster_test_actors", "cluster_test_failing_disk",
               "cluster_test_stopped_clock")
    return cases(name, targets, "^cluster[.](" + "|".join(tests) + ")$")


CORE = unit("core_test", "core")
STEPS = {step.name: step for step in (
    part("core_test", CORE, [f"!{case}" for case in LONG]), part("core_test at length", CORE, list(LONG)),
    unit("actor_test", "actor"), unit("net_test", "net"), unit("client_test", "client", twice=True),
    unit("node_test", "node", twice=True), unit("store_test", "node"), unit("server_test", "node", twice=True),
    unit("membership_test", "node", twice=True),
    contract("contract", "1..300"), clusters("1..12"),
    sim("sim cut off and crashed", "1..150", "--faults", "isolate,crash"), sim("sim", "1..100"),
    sim("sim etcd", "1..60", "--engine", "etcd"),
    cases("guard", ("guard_node",), "^guard[.]"),
    cases("programs", ("reki-node", "reki_cli", "good_plugin", "foreign_plugin"), "^reki_node[.]"),
    cluster("clusters that lose nodes", "a_killed_nodes_keys_go_on_elsewhere_and_come_back_with_it",
            "a_node_that_is_told_to_end_hands_over_under_load_and_no_call_fails",
            "without_a_guard_a_node_that_stood_still_wakes_as_another_and_has_no_actor"),
    cluster("clusters that are called", "a_thousand_callers_through_all_nodes_share_one_start",
            "an_actor_that_crashes_ten_times_a_second_is_never_two_and_disturbs_nobody",
            "what_becomes_of_a_key_is_told_in_order_with_reasons_nodes_and_fences"),
    cluster("clusters with strangers", "strangers_are_refused_and_welcome_once_they_say_hello_well",
            "requests_that_break_a_rule_get_a_typed_error_each_and_are_counted",
            "a_key_of_another_node_is_redirected_and_never_served_here"),
    cluster("clusters with bad disks", "a_directory_that_was_mixed_up_is_refused_and_unharmed",
            "a_single_voter_comes_back_with_its_disk_and_not_without"),
    cluster("command line", "a_session_goes_through_all_verbs_as_json", "keys_are_listed_page_by_page",
            "people_get_tables_and_errors_with_a_remedy",
            "addresses_and_configs_lead_to_the_right_cluster_or_are_explained", "people_see_columns_and_an_end_when_they_ask_for_it"),
    cluster("voters and profiles", "with_two_more_voters_two_more_machines_may_be_lost", "what_cannot_be_is_refused_with_what_to_do",
            "the_profile_changes_from_lan_to_cloud_and_back_under_load_and_no_call_fails", "a_profile_that_there_is_not_is_refused"),
    cluster("bench", "bench_has_all_figures_and_they_hold_together"),
)}

CALLED, LOST, VIRTUAL = "clusters that are called", "clusters that lose nodes", "clusters on virtual time"
AREAS = (
    ("core/base/", ("core_test", "actor_test", "node_test", "client_test", "server_test", "contract", CALLED)),
    ("core/wire/", ("core_test", "actor_test", "client_test", "server_test", CALLED)),
    ("core/view/", ("core_test", "client_test", "membership_test", "sim", "core_test at length", LOST)),
    ("core/routing/", ("core_test", "client_test", "server_test", VIRTUAL, "core_test at length", LOST)),
    ("core/watch/", ("core_test", "node_test", "server_test", "membership_test", VIRTUAL, CALLED)),
    ("core/activation/", ("core_test", "node_test", "contract", CALLED)),
    ("core/config/", ("core_test", "server_test", "programs", "command line")),
    ("core/membership/", ("core_test", "sim cut off and crashed", "sim", "sim etcd", "membership_test", VIRTUAL, LOST)),
    ("actor/", ("actor_test", "node_test", "client_test", "contract", CALLED)),
    ("net/", ("net_test", "client_test", "server_test", LOST)),
    ("node/support/", ("node_test", "store_test", "server_test", "contract", "programs", CALLED)),
    ("node/actors/", ("node_test", "contract", "server_test", VIRTUAL, LOST)),
    ("node/registry/", ("node_test", "contract", "server_test", VIRTUAL, LOST)),
    ("node/disk/", ("store_test", "membership_test", "clusters with bad disks", LOST)),
    ("node/guard/", ("server_test", "guard", "programs", LOST)),
    ("node/plugins/", ("server_test", "programs", CALLED)),
    ("node/program/", ("server_test", "guard", "programs", LOST)),
    ("node/server/", ("server_test", "client_test", VIRTUAL, "clusters with strangers", CALLED)),
    ("node/membership/", ("membership_test", VIRTUAL, LOST)),
    ("node/", ("server_test", "membership_test", VIRTUAL, "guard", "programs", LOST)),
    ("client/cli/", ("client_test", "command line", "voters and profiles", "bench")),
    ("client/", ("client_test", "server_test", CALLED, LOST)),
)

WHOLE = ("node/disk/", "node/membership/")  # all cases of the first program are of this folder


def steps_of(path: str, tree: pathlib.Path | None = None) -> list[Step]:
    """In their order. With the tree the suites of the same folder come first: most mutants go no further."""
    for prefix, names in AREAS:
        if path.startswith(prefix):
            steps = [STEPS[name] for name in names]
            near = suites_in(tree / "tests" / pathlib.PurePath(path).parent) if tree and prefix not in WHOLE else []
            chosen = [*near, *(f"!{case}" for case in LONG if case.split("/")[0] in near)]
            return ([part(f"{steps[0].name} of its folder", steps[0], chosen)] if near else []) + steps
    raise KeyError(f"no area of areas.py has {path}")


def suites_in(folder: pathlib.Path) -> list[str]:
    suite = re.compile(r"^BOOST_(?:AUTO|FIXTURE)_TEST_SUITE\((\w+)", re.M)
    return sorted({name for path in folder.glob("*.cpp") for name in suite.findall(path.read_text())})


def what_failed(line: str) -> str | None:
    """The test of which this line of output tells that it has failed."""
    boost, ctest, seed = r'error: in "([^"]+)"', r"Test +#\d+: (\S+) \.*\*\*\*", r"^(seed \d+)\b"
    found = re.search(f"{boost}|{ctest}|{seed}", line)
    return next(filter(None, found.groups())) if found else None
