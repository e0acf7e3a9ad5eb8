// What many a C++ program includes, and nothing else: the yardstick for what reki's headers add.
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
