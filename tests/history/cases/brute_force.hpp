#pragma once

#include <span>

#include "history/history.hpp"
#include "history/key_model.hpp"

/// Says whether one key, played out literally and in every possible way, can give these answers: an actor is started,
/// found, closed, ended, all one by one, and a stop waits between what it closes and what ends. Shares no code with the
/// checkers. REQUIRES: at most 16 operations, sorted by invocation; few, since nothing is saved.
[[nodiscard]] bool can_happen(std::span<const reki::history::Operation> one_key, reki::history::Faults faults);
