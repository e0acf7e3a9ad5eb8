// The least that a hand-over from one thread to another can cost: D. Vyukov's intrusive queue of many producers and one
// consumer, with one producer, nodes that are made before, and a consumer that spins.
#include <atomic>
#include <thread>
#include <vector>

#include "reki/bench/figures.hpp"
#include "reki/bench/options.hpp"

namespace reki::bench {
namespace {

struct Node {
  std::atomic<Node*> next{nullptr};
};

class VyukovQueue {
 public:
  void push(Node* node) {
    node->next.store(nullptr, std::memory_order_relaxed);
    Node* before = head_.exchange(node, std::memory_order_acq_rel);
    before->next.store(node, std::memory_order_release);
  }
  Node* pop() {
    Node* tail = tail_;
    Node* next = tail->next.load(std::memory_order_acquire);
    if (tail == &stub_) {
      if (next == nullptr) return nullptr;
      tail_ = tail = next;
      next = next->next.load(std::memory_order_acquire);
    }
    if (next != nullptr) {
      tail_ = next;
      return tail;
    }
    if (tail != head_.load(std::memory_order_acquire)) return nullptr;
    push(&stub_);
    next = tail->next.load(std::memory_order_acquire);
    if (next == nullptr) return nullptr;
    tail_ = next;
    return tail;
  }

 private:
  Node stub_;
  alignas(64) std::atomic<Node*> head_{&stub_};
  alignas(64) Node* tail_ = &stub_;
};

void run(const Options& options) {
  constexpr std::size_t at_once = 1 << 16;
  const double seconds = options.number("seconds", 0.5);
  std::vector<Node> nodes(at_once);
  long done = 0;
  double busy = 0;
  while (busy < seconds) {
    VyukovQueue queue;
    const Stopwatch watch;
    std::thread producer([&] {
      for (Node& node : nodes) queue.push(&node);
    });
    for (std::size_t taken = 0; taken < at_once;) {
      if (queue.pop() != nullptr)
        ++taken;
      else
        std::this_thread::yield();
    }
    producer.join();
    busy += watch.seconds();
    done += at_once;
  }
  print({"mpsc_queue.1to1", static_cast<double>(done) / busy, "1/s"});
}

}  // namespace
}  // namespace reki::bench

int main(int argc, char** argv) { reki::bench::run({argc, argv, {"seconds"}}); }
