#include "taskmanager/connector/kafka/protocol/scram.h"

#include <catch2/catch.hpp>

namespace weir::taskmanager::kafka::protocol {
namespace {

// RFC 7677, section 3.
constexpr const char* kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr const char* kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramClient Client(const std::string& password = "pencil") {
  return ScramClient(ScramClient::Hash::kSha256, "user", password, "rOprNGfwEbeRWgbNEkqO");
}

TEST_CASE("the exchange of RFC 7677") {
  ScramClient client = Client();
  CHECK(client.FirstMessage() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const auto answer = client.FinalMessage(kServerFirst);
  REQUIRE(answer.ok());
  CHECK(*answer ==
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  CHECK(client.Verify(kServerFinal).ok());
}

TEST_CASE("SHA-512: the exchange of a user `user` with the password `pencil`") {
  // Computed with Python's hashlib from RFC 5802.
  ScramClient client(ScramClient::Hash::kSha512, "user", "pencil", "rOprNGfwEbeRWgbNEkqO");
  const auto answer = client.FinalMessage(kServerFirst);
  REQUIRE(answer.ok());
  CHECK(answer->substr(answer->find(",p=")) == ",p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==");
  CHECK(client.Verify("v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==").ok());
}

TEST_CASE("a broker that does not know the password is not believed") {
  ScramClient client = Client();
  REQUIRE(client.FinalMessage(kServerFirst).ok());
  for (const char* final_message : {"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=", "", "v=AAAA", "x=1",
                                    "e=invalid-proof", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4"}) {
    INFO(final_message);
    CHECK(client.Verify(final_message).code() == absl::StatusCode::kUnauthenticated);
  }
  // Nor one that says its last word first.
  CHECK(Client().Verify(kServerFinal).code() == absl::StatusCode::kUnauthenticated);
  ScramClient other = Client("pencil2");
  REQUIRE(other.FinalMessage(kServerFirst).ok());
  CHECK(other.Verify(kServerFinal).code() == absl::StatusCode::kUnauthenticated);
}

TEST_CASE("first messages of a broker that cannot be are refused") {
  const std::string nonce = "r=rOprNGfwEbeRWgbNEkqO";
  for (const std::string& message : {
           std::string(),
           std::string("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
           nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",  // nothing of the broker's own
           nonce + "x,i=4096",
           nonce + "x,s=!!!!,i=4096",
           nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==",
           nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
           nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096x",
           nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999",
           nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000",
           "m=new," + nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
       }) {
    INFO(message);
    CHECK(Client().FinalMessage(message).status().code() == absl::StatusCode::kUnauthenticated);
  }
}

TEST_CASE("a name with a comma and an equals sign") {
  ScramClient client(ScramClient::Hash::kSha256, "a,b=c", "p", "n");
  CHECK(client.FirstMessage() == "n,,n=a=2Cb=3Dc,r=n");
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
