# The version is that of the header beside this file. While the major version is 0, a new minor version may break what was there.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/bulla.h" PACKAGE_VERSION REGEX "^#define BULLA_VERSION \"")
string(REGEX REPLACE "^#define BULLA_VERSION \"([0-9.]+)\".*$" "\\1" PACKAGE_VERSION "${PACKAGE_VERSION}")

string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" _bulla_found "${PACKAGE_VERSION}")
set(_bulla_major "${CMAKE_MATCH_1}")
set(_bulla_minor "${CMAKE_MATCH_2}")

set(PACKAGE_VERSION_EXACT FALSE)
set(PACKAGE_VERSION_COMPATIBLE FALSE)
if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
elseif(PACKAGE_FIND_VERSION_COUNT EQUAL 0)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
elseif(PACKAGE_VERSION VERSION_GREATER PACKAGE_FIND_VERSION AND PACKAGE_FIND_VERSION_MAJOR EQUAL _bulla_major)
  if(_bulla_major GREATER 0 OR PACKAGE_FIND_VERSION_COUNT EQUAL 1 OR PACKAGE_FIND_VERSION_MINOR EQUAL _bulla_minor)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
  endif()
endif()

unset(_bulla_found)
unset(_bulla_major)
unset(_bulla_minor)
