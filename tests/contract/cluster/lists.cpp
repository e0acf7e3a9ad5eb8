#include "lists.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/wire/codec.hpp"
#include "world.hpp"

namespace reki::cluster {

using namespace std::chrono_literals;
using wire::Op;

namespace {

Submission about_all(Op op) {
  Submission out(op, Cell::type, {});
  out.timeout = 1s;
  return out;
}

}  // namespace

void Lists::list(std::string by, Ask ask, Ended ended) {
  const auto listing = std::make_shared<Listing>(Listing{.by = std::move(by), .ask = std::move(ask), .ended = std::move(ended)});
  listing->there_then = world_.oracle.lives_there();
  next_page(listing);
}

void Lists::next_page(const ListingPtr& listing) {
  Submission submission = about_all(Op::list);
  submission.args = wire::encode_list_args({listing->cursor, static_cast<std::uint32_t>(1 + world_.below(4))});
  listing->page_asked = world_.now();
  listing->ask(std::move(submission), Completion::of([this, listing](Answer&& answer) { got_page(listing, answer); }));
}

void Lists::got_page(const ListingPtr& listing, const Answer& answer) {
  world_.oracle.note(listing->by + " has got a page of " + (answer.node ? answer.node->value : "none") + ": " + std::string(name_of(answer.code)) + " " + answer.text);
  if (!answer.ok()) return listing->ended(false);
  const auto page = wire::decode_list_page(answer.payload);
  if (!page) return world_.oracle.break_rule(Rule::listed, "a page cannot be read: " + page.error().message());
  for (const auto& name : page->keys) check_key(*listing, std::string(name));
  listing->cursor = Bytes{page->cursor};
  if (listing->cursor.empty()) {
    ++world_.oracle.seen.lists;
    listing->ended(true);
    return check_whole(*listing);
  }
  world_.after(std::chrono::microseconds(world_.below(30'000)), [this, listing] { next_page(listing); });
}

void Lists::check_key(Listing& listing, const std::string& name) {
  const std::uint32_t key = number_of_key(name);
  world_.oracle.note("listed " + name);
  if (!world_.oracle.may_have_existed(key, listing.page_asked)) {
    world_.oracle.break_rule(Rule::listed, listing.by + " lists " + name + ", which had no actor");
  }
  if (listing.keys.insert(key).second) return;
  const bool is_one = std::ranges::any_of(listing.there_then, [&](auto life) { return world_.oracle.is_there(life) && world_.oracle.key_of(life) == key; });
  if (is_one) world_.oracle.break_rule(Rule::listed, listing.by + " lists " + name + " twice, which had one actor all the time");
}

void Lists::check_whole(const Listing& listing) {
  for (const std::uint32_t life : listing.there_then) {
    const std::uint32_t key = world_.oracle.key_of(life);
    if (world_.oracle.is_there(life) && !listing.keys.contains(key)) {
      world_.oracle.break_rule(Rule::listed, listing.by + " does not list " + name_of_key(key) + ", which had one actor all the time");
    }
  }
}

void Lists::count(std::string by, Ask ask, Ended ended) {
  auto done = [this, by = std::move(by), ended = std::move(ended), there_then = world_.oracle.lives_there(), asked = world_.now()](Answer&& answer) {
    world_.oracle.note(by + " has counted: " + std::string(name_of(answer.code)) + " " + answer.text);
    ended(answer.ok());
    if (!answer.ok()) return;
    ++world_.oracle.seen.lists;
    const auto got = wire::decode_count(answer.payload);
    if (!got) return world_.oracle.break_rule(Rule::listed, "a count cannot be read: " + got.error().message());
    const auto least = std::ranges::count_if(there_then, [&](auto life) { return world_.oracle.is_there(life); });
    if (*got < static_cast<std::uint64_t>(least)) {
      world_.oracle.break_rule(Rule::listed, by + " counts " + std::to_string(*got) + ", and " + std::to_string(least) + " were there all the time");
    }
    bool any = *got == 0;
    for (std::uint32_t key = 0; key < world_.keys(); ++key) any |= world_.oracle.may_have_existed(key, asked);
    if (!any) world_.oracle.break_rule(Rule::listed, by + " counts " + std::to_string(*got) + ", and there were none");
  };
  ask(about_all(Op::count), Completion::of(std::move(done)));
}

}  // namespace reki::cluster
