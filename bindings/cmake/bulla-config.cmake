# find_package(bulla) gives:
#
#   bulla::bulla          the shared library, or the static one where only that is installed or bulla_USE_STATIC_LIBS is on
#   bulla::bulla_shared   the shared library, if it is installed
#   bulla::bulla_static   the static library with what it needs, if it is installed
#
# It may be moved together with the folder that it was installed into.

get_filename_component(_bulla_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(_bulla_include "${_bulla_prefix}/include")
set(_bulla_libdirs "${_bulla_prefix}/lib64" "${_bulla_prefix}/lib")
if(CMAKE_LIBRARY_ARCHITECTURE)
  list(INSERT _bulla_libdirs 0 "${_bulla_prefix}/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
endif()

# Only beside this file: a library from elsewhere may be another version.
unset(_bulla_shared)
unset(_bulla_static)
foreach(_bulla_dir IN LISTS _bulla_libdirs)
  if(EXISTS "${_bulla_dir}/pkgconfig/bulla.pc")
    foreach(_bulla_name IN ITEMS "libbulla${CMAKE_SHARED_LIBRARY_SUFFIX}" "libbulla.so")
      if(NOT _bulla_shared AND EXISTS "${_bulla_dir}/${_bulla_name}")
        set(_bulla_shared "${_bulla_dir}/${_bulla_name}")
      endif()
    endforeach()
    if(EXISTS "${_bulla_dir}/libbulla.a")
      set(_bulla_static "${_bulla_dir}/libbulla.a")
    endif()
    # What the static library needs is written down once, for pkg-config.
    file(STRINGS "${_bulla_dir}/pkgconfig/bulla.pc" _bulla_private REGEX "^Libs.private: ")
    string(REGEX REPLACE "^Libs.private: " "" _bulla_private "${_bulla_private}")
    separate_arguments(_bulla_private UNIX_COMMAND "${_bulla_private}")
    break()
  endif()
endforeach()

if(_bulla_shared AND NOT TARGET bulla::bulla_shared)
  add_library(bulla::bulla_shared SHARED IMPORTED)
  set_target_properties(bulla::bulla_shared PROPERTIES
    IMPORTED_LOCATION "${_bulla_shared}"
    INTERFACE_INCLUDE_DIRECTORIES "${_bulla_include}")
endif()
if(_bulla_static AND NOT TARGET bulla::bulla_static)
  add_library(bulla::bulla_static STATIC IMPORTED)
  set_target_properties(bulla::bulla_static PROPERTIES
    IMPORTED_LOCATION "${_bulla_static}"
    INTERFACE_INCLUDE_DIRECTORIES "${_bulla_include}"
    INTERFACE_LINK_LIBRARIES "${_bulla_private}")
endif()

if(NOT TARGET bulla::bulla)
  if(TARGET bulla::bulla_static AND (bulla_USE_STATIC_LIBS OR NOT TARGET bulla::bulla_shared))
    set(_bulla_chosen bulla::bulla_static)
  elseif(TARGET bulla::bulla_shared AND NOT bulla_USE_STATIC_LIBS)
    set(_bulla_chosen bulla::bulla_shared)
  endif()
  if(_bulla_chosen)
    add_library(bulla::bulla INTERFACE IMPORTED)
    set_target_properties(bulla::bulla PROPERTIES INTERFACE_LINK_LIBRARIES "${_bulla_chosen}")
  endif()
endif()

if(NOT TARGET bulla::bulla)
  set(bulla_FOUND FALSE)
  set(bulla_NOT_FOUND_MESSAGE "no library of the wanted kind (shared, or static with bulla_USE_STATIC_LIBS) lies in ${_bulla_libdirs}: install it there")
endif()

unset(_bulla_prefix)
unset(_bulla_include)
unset(_bulla_libdirs)
unset(_bulla_dir)
unset(_bulla_name)
unset(_bulla_shared)
unset(_bulla_static)
unset(_bulla_private)
unset(_bulla_chosen)
