// A hundred thousand damaged inputs, the same in every run: a decoder returns, and what it takes is bounded by what it
// is given. Reads outside of the input are the address sanitizer's to see: each input lies in memory of its own size.
#include <catch2/catch.hpp>

#include "common/base/rng.h"
#include "taskmanager/connector/kafka/protocol/record_batch.h"
#include "taskmanager/connector/kafka/protocol/scram.h"
#include "tests/unit/kafka/protocol/batch_writer.h"
#include "tests/unit/kafka/protocol/response_samples.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

/// Flips, overwrites, inserts, removes, repeats, cuts; mostly one or two of these.
std::string Mutated(std::string bytes, Rng& rng) {
  constexpr unsigned char kLimits[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe};
  for (uint64_t left = 1 + rng.Below(3); left > 0 && !bytes.empty(); --left) {
    const size_t at = rng.Below(bytes.size());
    switch (rng.Below(7)) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.Below(8))); break;
      case 1: bytes[at] = static_cast<char>(rng.Next()); break;
      case 2: bytes[at] = static_cast<char>(kLimits[rng.Below(6)]); break;
      case 3: bytes.insert(at, 1 + rng.Below(4), static_cast<char>(rng.Next())); break;
      case 4: bytes.erase(at, 1 + rng.Below(4)); break;
      case 5: bytes.insert(at, bytes.substr(at, 1 + rng.Below(8))); break;
      case 6: bytes.resize(at); break;
    }
  }
  return bytes;
}

TEST_CASE("responses: 60000 mutations") {
  const auto samples = AllResponseSamples();
  Rng rng(1);
  int refused = 0;
  for (int i = 0; i < 60'000; ++i) {
    const ResponseSample& sample = samples[static_cast<size_t>(i) % samples.size()];
    const std::string bytes = Mutated(sample.answer, rng);
    refused += sample.decode(bytes).ok() ? 0 : 1;
  }
  CHECK(refused > 10'000);
  CHECK(refused < 60'000);  // many changes only change values
}

TEST_CASE("record batches: 40000 mutations, with and without a right checksum") {
  std::vector<std::string> samples;
  std::vector<KafkaRecord> records;
  for (int i = 0; i < 20; ++i) records.push_back(Record(100 + i, "key", "value " + std::to_string(i)));
  records[3].headers = {{"name", "value"}, {"name", ""}};
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                        Compression::kLz4, Compression::kZstd}) {
    samples.push_back(WriteBatch(records, {.compression = compression}));
  }
  samples.push_back(WriteBatch(records, {.compression = Compression::kSnappy, .xerial = true}));
  constexpr size_t kMost = 1 << 20;
  Rng rng(2);
  int refused = 0, read = 0;
  for (int i = 0; i < 40'000; ++i) {
    std::string bytes = Mutated(samples[static_cast<size_t>(i) % samples.size()], rng);
    if (i % 4 != 0 && bytes.size() > 61) Seal(&bytes);  // else the checksum hides all that lies behind it
    std::string_view log = bytes;
    while (!log.empty()) {
      auto batch = NextBatch(&log);
      if (!batch.ok() || !*batch) {
        ++refused;
        break;
      }
      const absl::Status status = ForEachRecord(**batch, 0, kMost, [&](const KafkaRecord& record) {
        if (record.key.size() + record.value.size() > kMost) return absl::InternalError("more than there was");
        ++read;
        return absl::OkStatus();
      });
      if (!status.ok()) {
        ++refused;
        CHECK(status.code() != absl::StatusCode::kInternal);
      }
    }
  }
  CHECK(refused > 10'000);
  CHECK(read > 10'000);
}

TEST_CASE("compressed data: 20000 mutations") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "line " + std::to_string(i * 7919);
  Rng rng(3);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto compression = static_cast<Compression>(1 + i % 4);
    const std::string bytes = Mutated(Compress(compression, i % 8 >= 4, text), rng);
    const auto unfolded = Decompress(compression, bytes, 1 << 20);
    if (!unfolded.ok()) {
      ++refused;
    } else {
      CHECK(unfolded->size() <= 1 << 20);
    }
  }
  CHECK(refused > 5'000);
}

TEST_CASE("login messages: 2000 mutations are refused or answered") {
  Rng rng(4);
  for (int i = 0; i < 2'000; ++i) {
    ScramClient client(ScramClient::Hash::kSha256, "user", "pencil", "abc");
    // Few iterations are refused, so that most of these cost nothing.
    const auto answer = client.FinalMessage(Mutated("r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=409", rng));
    CHECK((answer.ok() || answer.status().code() == absl::StatusCode::kUnauthenticated));
    CHECK_FALSE(client.Verify(Mutated("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", rng)).ok());
  }
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
