#include "client/job_file.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "client/exit_code.h"
#include "client/verb/answers.h"

namespace weir::client {
namespace {

constexpr char kText[] =
    "a: 1\n"
    "in: {brokers: h, security: {sasl: {username: u, password: secret-1}}, topics: [t]}\n"
    "  sasl.password: \"secret-2\"\n"
    "  \"key_password\": 'secret, 3'\n"
    "passwords are words\n";

TEST_CASE("what is wrong is shown in the file, without passwords") {
  JobFile file;
  file.path = "job.yaml";
  file.text = kText;
  for (int line = 1; line <= 5; ++line) file.diagnostics.Error({line, 1}, "wrong");
  const std::string shown = RenderDiagnostics(file);
  CHECK(shown.find("secret") == std::string::npos);
  CHECK(shown.find("password: ********}}, topics: [t]}") != std::string::npos);
  CHECK(shown.find("sasl.password: \"********\"") != std::string::npos);
  CHECK(shown.find("'*********'") != std::string::npos);
  CHECK(shown.find("passwords are words") != std::string::npos);
}

TEST_CASE("what a preflight refuses is shown at its place") {
  JobFile file;
  file.path = "job.yaml";
  file.text = kText;
  std::ostringstream out, err;
  Context context;
  context.out = &out;
  context.err = &err;
  SECTION("places") {
    CHECK(FailSubmit(context, file,
                     absl::FailedPreconditionError("preflight: the job cannot work as things are:\n"
                                                   "2:15: no broker\n"
                                                   "1:1: a: b: not so\n"
                                                   "without a place")) == kExitRefused);
    CHECK(err.str().find("job.yaml:2:15: error: no broker\n") != std::string::npos);
    CHECK(err.str().find("job.yaml:1:1: error: a: b: not so\n") != std::string::npos);
    CHECK(err.str().find("without a place") != std::string::npos);
    CHECK(err.str().find("secret") == std::string::npos);
  }
  SECTION("any other refusal") {
    CHECK(FailSubmit(context, file, absl::AlreadyExistsError("a job `j` is RUNNING")) ==
          kExitRefused);
    CHECK(err.str() == "weir: error: a job `j` is RUNNING\n");
  }
  CHECK(out.str().empty());
}

}  // namespace
}  // namespace weir::client
