# bluefin_add_plugin(NAME SOURCES...): the library NAME.so, which `bluefin run --plugin NAME.so` runs. One of the
# sources has BLUEFIN_OBJECTIVE(function) of <bluefin/plugin.hpp>.
function(bluefin_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "")
  target_link_libraries(${name} PRIVATE bluefin::bluefin)
  # Its copy of bluefin is its own business.
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
endfunction()
