# The target bluefin_headers compiles every public header alone, so that each includes what it uses. That of LibTorch is
# compiled with the examples.
function(bluefin_header_check)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/*.hpp)
  list(REMOVE_ITEM headers bluefin/torch.hpp)
  set(sources "")
  foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER ${header} name)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cpp)
    # Twice: the second must add nothing.
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n" @ONLY)
    list(APPEND sources ${source})
  endforeach()
  add_library(bluefin_headers OBJECT EXCLUDE_FROM_ALL ${sources})
  bluefin_target(bluefin_headers)
  set_target_properties(bluefin_headers PROPERTIES UNITY_BUILD OFF)
  # Nothing but the standard library stands beside include/.
  target_include_directories(bluefin_headers PRIVATE ${PROJECT_SOURCE_DIR}/include)
endfunction()
