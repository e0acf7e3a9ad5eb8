#include <iostream>

// By the paths of earlier versions.
#include <reki/core/error.hpp>
#include <reki/core/ids.hpp>

int main() {
  const auto fence = reki::Fence::make(reki::Epoch{3}, reki::StartNumber{7});
  const reki::Error error{reki::ErrorCode::not_running};
  std::cout << "fence " << fence.value << ", " << error.message() << '\n';
  return fence.epoch() == reki::Epoch{3} ? 0 : 1;
}
