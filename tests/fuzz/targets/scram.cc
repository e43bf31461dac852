// What a broker says in a SCRAM login: its first message, a line end, its final one.
#include "taskmanager/connector/kafka/protocol/scram.h"
#include "tests/fuzz/fuzz_target.h"

WEIR_FUZZ_TARGET(scram, input) {
  using namespace weir;
  using taskmanager::kafka::protocol::ScramClient;
  // Up to a million iterations are taken, which is work for seconds here.
  int digits = 0;
  for (const char c : input) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits == 6 || digits == 7) return;
  }
  const size_t end = input.find('\n');
  for (const auto hash : {ScramClient::Hash::kSha256, ScramClient::Hash::kSha512}) {
    ScramClient client(hash, "user", "pencil", "nonce");
    fuzz::Expect(client.FirstMessage().find("pencil") == std::string::npos, "the password is not sent");
    const auto answer = client.FinalMessage(input.substr(0, end));
    if (!answer.ok()) {
      fuzz::Expect(!client.Verify(input).ok(), "nobody is believed before the first message was");
      continue;
    }
    // The broker's nonce is sent back as it came, whatever is in it.
    fuzz::Expect(answer->find("pencil") == std::string::npos || input.find("pencil") != std::string_view::npos,
                 "the password is not sent");
    if (end != std::string_view::npos) (void)client.Verify(input.substr(end + 1));
  }
}
