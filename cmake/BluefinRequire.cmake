# Looks for what bluefin is built with and names all that is missing at once, with the packages of Debian and Ubuntu:
# people who write `pip install .` have not read what to install before.
#
#   bluefin_require(Eigen3 libeigen3-dev 3.3 NO_MODULE)  find_package(Eigen3 3.3 NO_MODULE), of the package libeigen3-dev
#   bluefin_require_end()                                ends the configuration if something was missing

set(BLUEFIN_MISSING "")
set(BLUEFIN_MISSING_PACKAGES "")

# A macro: what find_package() sets is for the caller.
macro(bluefin_require package debian_package)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND)
    list(APPEND BLUEFIN_MISSING ${package})
    list(APPEND BLUEFIN_MISSING_PACKAGES ${debian_package})
  endif()
endmacro()

function(bluefin_require_end)
  if(NOT BLUEFIN_MISSING)
    return()
  endif()
  list(JOIN BLUEFIN_MISSING ", " what)
  list(JOIN BLUEFIN_MISSING_PACKAGES " " packages)
  message(FATAL_ERROR "bluefin is built with ${what}, not found or too old here. On Debian and Ubuntu:\n"
                      "  apt-get install ${packages}\n")
endfunction()

# Before project(), whose own message names no package.
function(bluefin_require_compiler)
  if(CMAKE_CXX_COMPILER OR DEFINED ENV{CXX} OR CMAKE_TOOLCHAIN_FILE)
    return()
  endif()
  find_program(BLUEFIN_ANY_COMPILER NAMES c++ g++ clang++ CC icpx)
  if(NOT BLUEFIN_ANY_COMPILER)
    message(FATAL_ERROR "bluefin is built with a C++20 compiler, and there is none here. On Debian and Ubuntu:\n"
                        "  apt-get install g++\n")
  endif()
endfunction()

# After project().
function(bluefin_require_compiler_version)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
    message(FATAL_ERROR "bluefin is built with g++ 12 or newer, or clang 14; ${CMAKE_CXX_COMPILER} is version "
                        "${CMAKE_CXX_COMPILER_VERSION}. On Debian and Ubuntu:\n"
                        "  apt-get install g++-12\nand set the environment variable CXX=g++-12\n")
  endif()
endfunction()
