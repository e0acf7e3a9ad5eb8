# Plugins and the programs that load them; part of the installed package too.

# reki_plugin(counter SOURCES counter_actor.cpp [LINK t…])
# Makes counter.so. It links headers only: reki's code comes from the program that loads it, so that there is one of it.
function(reki_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 A "" "" "SOURCES;LINK")
  add_library(${name} MODULE ${A_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so")
  target_link_libraries(${name} PRIVATE reki::plugin ${A_LINK})
endfunction()

# reki_plugin_host(my_node): my_node links reki::node whole and exports it, so that plugins find what they use.
function(reki_plugin_host target)
  set_target_properties(${target} PROPERTIES ENABLE_EXPORTS ON)
  set(etcd etcd_none)  # what reki::etcd is: net/etcd/CMakeLists.txt
  if(TARGET reki::etcd_curl AND TARGET reki::libcurl)
    set(etcd etcd_curl)
  endif()
  set(whole)
  foreach(library IN ITEMS node ${etcd} net actor core)  # dependents first, or CMake names some of them twice
    get_target_property(actual reki::${library} ALIASED_TARGET)
    if(NOT actual)
      set(actual reki::${library})  # of the installed package
    endif()
    list(APPEND whole ${actual})
  endforeach()
  list(JOIN whole "," items)
  # The same libraries also come as each other's dependencies; the override makes both one.
  set_target_properties(${target} PROPERTIES LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,${items}")
  list(POP_FRONT whole node)
  list(JOIN whole "," items)
  # reki::etcd in its place between the two: behind them it would bring the others along once more.
  target_link_libraries(${target} PRIVATE
    "$<LINK_LIBRARY:WHOLE_ARCHIVE,${node}>" reki::etcd "$<LINK_LIBRARY:WHOLE_ARCHIVE,${items}>")
endfunction()
