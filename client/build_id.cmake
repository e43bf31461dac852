# Writes OUTPUT with a hash over the contents of the sources below SOURCE_DIR; touches it only when the hash differs.
file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR}
  ${SOURCE_DIR}/client/*.cc ${SOURCE_DIR}/client/*.h ${SOURCE_DIR}/common/*.cc ${SOURCE_DIR}/common/*.h
  ${SOURCE_DIR}/jobmanager/*.cc ${SOURCE_DIR}/jobmanager/*.h ${SOURCE_DIR}/taskmanager/*.cc
  ${SOURCE_DIR}/taskmanager/*.h ${SOURCE_DIR}/proto/*.proto)
list(SORT files)
set(all "")
foreach(file IN LISTS files)
  file(SHA256 ${SOURCE_DIR}/${file} hash)
  string(APPEND all "${file} ${hash}\n")
endforeach()
string(SHA256 id "${all}")
string(SUBSTRING ${id} 0 16 id)
set(text "#include \"client/build_id.h\"

namespace weir::client {

namespace {
const char kBuildId[] = \"${id}\";
// Read at run time, so that the text stands in the executable as it is.
const char* volatile build_id = kBuildId;
}  // namespace

const std::string& BuildId() {
  static const std::string* const id = new std::string(build_id);
  return *id;
}
const std::string& VersionText() {
  static const std::string* const version = new std::string(\"${VERSION}\");
  return *version;
}

}  // namespace weir::client
")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
