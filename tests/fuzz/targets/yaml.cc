// The YAML of job files and settings, with `${env:…}`.
#include "common/config/yaml/document.h"
#include "common/config/yaml/environment.h"
#include "tests/fuzz/fuzz_target.h"

WEIR_FUZZ_TARGET(yaml, input) {
  using namespace weir;
  config::Diagnostics diagnostics;
  auto value = config::ParseYaml(input, &diagnostics);
  fuzz::Expect(value.has_value() || !diagnostics.ok(), "what is refused is said why");
  if (value.has_value()) config::ExpandEnvironment({{"A", "1"}, {"HOME", "somewhere"}}, &*value, &diagnostics);
  diagnostics.Sort();
  const std::string text = config::Render("f.yaml", input, diagnostics);
  fuzz::Expect(text.empty() == diagnostics.ok(), "every mistake is printed");
  for (const config::Diagnostic& error : diagnostics.errors())
    config::PlaceInScalar(input, error.location, error.offset);
}
