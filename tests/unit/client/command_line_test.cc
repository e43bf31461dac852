#include <catch2/catch.hpp>
#include <cstdlib>

#include "client/arguments.h"
#include "client/exit_code.h"

namespace weir::client {
namespace {

TEST_CASE("a submit with everything") {
  unsetenv("WEIR_JOBMANAGER");
  ParsedCommandLine parsed =
      ParseCommandLine({"submit", "job.yaml", "--detach", "--from", "/x/1", "--unresolved", "skip",
                        "--parallelism", "4", "-o", "json", "--jobmanager", "h:1"});
  REQUIRE(parsed.arguments);
  CHECK(parsed.arguments->verb == Verb::kSubmit);
  CHECK(parsed.arguments->job_file == "job.yaml");
  CHECK(parsed.arguments->detach);
  CHECK(parsed.arguments->from == "/x/1");
  CHECK(parsed.arguments->unresolved == "skip");
  CHECK(parsed.arguments->parallelism == 4);
  CHECK(parsed.arguments->json);
  CHECK(parsed.arguments->jobmanager == "h:1");
}

TEST_CASE("the JobManager's address: option, environment, default") {
  unsetenv("WEIR_JOBMANAGER");
  CHECK(ParseCommandLine({"list"}).arguments->jobmanager == "127.0.0.1:6123");
  setenv("WEIR_JOBMANAGER", "there:7", 1);
  CHECK(ParseCommandLine({"list"}).arguments->jobmanager == "there:7");
  CHECK(ParseCommandLine({"list", "--jobmanager", "here:8"}).arguments->jobmanager == "here:8");
  unsetenv("WEIR_JOBMANAGER");
}

TEST_CASE("wait takes a duration") {
  ParsedCommandLine parsed =
      ParseCommandLine({"wait", "a", "--for", "checkpoint", "--timeout", "90s"});
  REQUIRE(parsed.arguments);
  CHECK(parsed.arguments->wait_for == "checkpoint");
  CHECK(parsed.arguments->timeout_ms == 90'000);
  CHECK(ParseCommandLine({"wait", "a", "--timeout", "90"}).exit_code == kExitUsage);
}

TEST_CASE("--set may be repeated and does not swallow what follows") {
  ParsedCommandLine parsed = ParseCommandLine(
      {"taskmanager", "--set", "slots=4", "--set", "name=a", "--config", "f.yaml"});
  REQUIRE(parsed.arguments);
  CHECK(parsed.arguments->sets == std::vector<std::string>{"slots=4", "name=a"});
  CHECK(parsed.arguments->config_file == "f.yaml");
}

TEST_CASE("wrong usage leaves with 2 and says what is wrong") {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"submit"},
                                             {"status"},
                                             {"run", "a.yaml", "--parallelism", "0"},
                                             {"list", "--nope"},
                                             {"list", "-o", "xml"},
                                             {"submit", "a", "--unresolved", "skip"},
                                             {"wait", "a", "--for", "ever"},
                                             {"list", "extra"}}) {
    ParsedCommandLine parsed = ParseCommandLine(words);
    CHECK_FALSE(parsed.arguments);
    CHECK(parsed.exit_code == kExitUsage);
    CHECK_FALSE(parsed.text.empty());
  }
  CHECK(ParseCommandLine({"sumbit", "x"}).text.find("did you mean `submit`") != std::string::npos);
}

TEST_CASE("help leaves with 0") {
  ParsedCommandLine parsed = ParseCommandLine({"--help"});
  CHECK(parsed.exit_code == 0);
  for (const char* verb :
       {"run", "submit", "list", "status", "wait", "cancel", "stop", "savepoint", "checkpoints",
        "rescale", "lint", "explain", "cluster", "version", "jobmanager", "taskmanager"}) {
    CHECK(parsed.text.find(verb) != std::string::npos);
    ParsedCommandLine of_verb = ParseCommandLine({verb, "--help"});
    CHECK(of_verb.exit_code == 0);
    CHECK(of_verb.text.find(verb) != std::string::npos);
  }
}

}  // namespace
}  // namespace weir::client
