# Flags of our own targets. Linked as $<BUILD_INTERFACE:reki_flags>, so that an installed package does not export them.
set(REKI_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=: 'address,undefined' or 'thread'")
option(REKI_WERROR "Treat warnings as errors" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # plugins link the static libraries
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(REKI_CCACHE ccache)
if(REKI_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${REKI_CCACHE})
endif()

add_library(reki_flags INTERFACE)
target_compile_options(reki_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wcast-align -Wunused -Wnull-dereference $<$<BOOL:${REKI_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports null dereferences inside of its own headers once they are inlined.
  target_compile_options(reki_flags INTERFACE -Wno-null-dereference)
else()
  # Who has which lock: core/base/mutex.hpp. Preset clang is for this.
  target_compile_options(reki_flags INTERFACE -Wthread-safety -Wthread-safety-beta)
endif()

# Sanitizers go to every target, ours or not: a half-instrumented program reports nonsense.
if(REKI_SANITIZE)
  add_compile_options(-fsanitize=${REKI_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${REKI_SANITIZE})
  # A check at every access, and a quarter of the time that a build takes. A null pointer that is used faults, and
  # AddressSanitizer says where; preset fuzz has both checks over all that reads a peer's bytes.
  if(REKI_SANITIZE MATCHES "address,undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fno-sanitize=null,alignment)
  endif()
  if(REKI_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC warns of every atomic_thread_fence, the libraries' included; and GCC 12 of std::string's own buffer, once inlined.
    add_compile_options(-Wno-tsan -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endif()
