#include "reki/node/registry/shards/slot_host.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace reki {

SlotHost::SlotHost(std::uint32_t shard, bool in_cluster, std::atomic<std::size_t>& parked_in_all)
    : shard_(shard),
      states_(in_cluster ? std::make_unique<std::atomic<SlotState>[]>(slot_count / shards) : nullptr),
      parked_in_all_(parked_in_all) {}

SlotHost::~SlotHost() = default;

bool SlotHost::are_all_foreign() const {
  if (states_ == nullptr) return true;
  return std::none_of(&states_[0], &states_[slot_count / shards], [](SlotState s) { return s != SlotState::foreign; });
}

void SlotHost::expect(const SlotSet& owned) {
  each_of(owned, [this](SlotId slot) {
    auto& state = states_[slot.value / shards];
    if (state == SlotState::foreign) state = SlotState::arriving;
  });
}

void SlotHost::expect_only(const SlotSet& owned) {
  for (std::uint32_t s = shard_; s < slot_count; s += shards) {
    auto& state = states_[s / shards];
    if (state == SlotState::arriving && !owned.contains(SlotId{static_cast<std::uint16_t>(s)})) state = SlotState::foreign;
  }
  std::erase_if(arrivals_, [this](const Arrival& arrival) { return state_of(arrival.key) == SlotState::foreign; });
}

// Requests

bool SlotHost::park(KeyName&& key, Request& request) {
  if (parked_in_all_.load(std::memory_order_relaxed) >= limits::parked_max) return false;
  parked_in_all_.fetch_add(1, std::memory_order_relaxed);
  parked_.push_back({std::move(key), into_envelope(std::move(request))});
  return true;
}

void SlotHost::put_first(std::size_t last) {
  std::rotate(parked_.begin(), parked_.end() - static_cast<std::ptrdiff_t>(last), parked_.end());
}

template <class Chosen>
std::vector<KeyedRequest> SlotHost::take(Chosen chosen) {
  std::vector<KeyedRequest> out;
  if (parked_.empty()) return out;
  const auto rest = std::stable_partition(parked_.begin(), parked_.end(), [&](const auto& parked) { return !chosen(parked); });
  std::move(rest, parked_.end(), std::back_inserter(out));
  parked_.erase(rest, parked_.end());
  parked_in_all_.fetch_sub(out.size(), std::memory_order_relaxed);
  return out;
}

std::vector<KeyedRequest> SlotHost::take_held() {
  return take([this](const KeyedRequest& parked) { return state_of(parked.key) == SlotState::held; });
}

std::vector<KeyedRequest> SlotHost::take_foreign() {
  return take([this](const KeyedRequest& parked) { return state_of(parked.key) == SlotState::foreign; });
}

std::vector<KeyedRequest> SlotHost::take_late(Instant now) {
  return take([now](const KeyedRequest& parked) { return parked.request->deadline <= now; });
}

// States

bool SlotHost::keep(Arrival arrival) {
  if (states_ == nullptr || state_of(arrival.key) != SlotState::arriving) return false;
  arrivals_.push_back(std::move(arrival));
  return true;
}

std::vector<SlotHost::Arrival> SlotHost::take_arrived() {
  const auto is_on_its_way = [this](const Arrival& arrival) { return state_of(arrival.key) != SlotState::held; };
  const auto rest = std::stable_partition(arrivals_.begin(), arrivals_.end(), is_on_its_way);
  std::vector<Arrival> out(std::make_move_iterator(rest), std::make_move_iterator(arrivals_.end()));
  arrivals_.erase(rest, arrivals_.end());
  return out;
}

}  // namespace reki
