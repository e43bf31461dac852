#include "common/security/path_roots.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace weir::security {
namespace {

namespace fs = std::filesystem;

struct Tree {
  Tree() {
    fs::create_directories(folder.PathOf("root/in/deep"));
    fs::create_directories(folder.PathOf("outside"));
    fs::create_directories(folder.PathOf("rooted"));
    folder.Write("root/in/file", "x");
    folder.Write("outside/file", "x");
    fs::create_symlink("../outside", folder.PathOf("root/link"));
    fs::create_symlink("in", folder.PathOf("root/inner"));
    fs::create_symlink(folder.PathOf("outside/file"), folder.PathOf("root/in/file-link"));
    fs::create_symlink(folder.PathOf("outside/none-yet"), folder.PathOf("root/in/dangling"));
    fs::create_symlink(folder.PathOf("root"), folder.PathOf("other-name"));
  }
  testing::TemporaryFolder folder;
};

TEST_CASE("path roots: inside") {
  const Tree tree;
  const PathRoots roots({tree.folder.PathOf("root")});
  for (const char* path : {"root", "root/", "root/in/file", "root/in/../in/file", "root/inner/file",
                           "root/new/folders/below", "root/in/./new", "other-name/in/file", "root//in///new"}) {
    CAPTURE(path);
    CHECK(roots.Check(tree.folder.PathOf(path)).ok());
  }
  CHECK(PathRoots({tree.folder.PathOf("other-name")}).Check(tree.folder.PathOf("root/in")).ok());
  CHECK(PathRoots({"/"}).Check("/etc/passwd").ok());
  CHECK(PathRoots::Any().Check("/etc/passwd").ok());
  CHECK(PathRoots({tree.folder.PathOf("not-there-yet")}).Check(tree.folder.PathOf("not-there-yet/out")).ok());
  CHECK(roots.With(tree.folder.PathOf("outside")).Check(tree.folder.PathOf("outside/file")).ok());
}

TEST_CASE("path roots: outside, by traversal and by links too") {
  const Tree tree;
  const PathRoots roots({tree.folder.PathOf("root")});
  for (const char* path :
       {"", "outside/file", "rooted", "root/../outside/file", "root/link/file", "root/link/new", "root/link",
        "root/in/file-link", "root/in/dangling", "root/in/dangling/x", "root/new/../../outside/file",
        "root/in/file/below-a-file", "root/in/../../outside"}) {
    CAPTURE(path);
    const absl::Status status = roots.Check(tree.folder.PathOf(path));
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(status.message()), Catch::Contains("allowed_paths"));
  }
  CHECK_FALSE(roots.Check("relative").ok());
  CHECK_FALSE(roots.Check(tree.folder.PathOf("root/") + "a" + std::string(1, '\0') + "b").ok());
  CHECK_FALSE(PathRoots(std::vector<std::string>{}).Check(tree.folder.PathOf("root")).ok());
}

TEST_CASE("path roots: patterns") {
  const Tree tree;
  const PathRoots roots({tree.folder.PathOf("root")});
  CHECK(roots.CheckPattern(tree.folder.PathOf("root/in/*.csv")).ok());
  CHECK(roots.CheckPattern(tree.folder.PathOf("root/*/file")).ok());
  CHECK_FALSE(roots.CheckPattern(tree.folder.PathOf("*/file")).ok());
  CHECK_FALSE(roots.CheckPattern(tree.folder.PathOf("root/link/*")).ok());
  CHECK_FALSE(roots.CheckPattern(tree.folder.PathOf("root/*/../../outside/file")).ok());
  CHECK_FALSE(roots.CheckPattern("/etc/passw[d]").ok());
}

}  // namespace
}  // namespace weir::security
