#include "taskmanager/connector/kafka/protocol/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

// Fewer iterations than RFC 7677 allows would help somebody who plays the broker to guess the password; more than this
// would keep a core busy at his will.
constexpr int kLeastIterations = 4096;
constexpr int kMostIterations = 1'000'000;

const EVP_MD* Digest(ScramClient::Hash hash) {
  return hash == ScramClient::Hash::kSha256 ? EVP_sha256() : EVP_sha512();
}

std::string Hmac(const EVP_MD* digest, std::string_view key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), out, &size);
  return std::string(reinterpret_cast<char*>(out), size);
}

std::string HashOf(const EVP_MD* digest, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), out, &size, digest, nullptr);
  return std::string(reinterpret_cast<char*>(out), size);
}

std::string Salted(const EVP_MD* digest, std::string_view password, std::string_view salt, int iterations) {
  std::string out(static_cast<size_t>(EVP_MD_get_size(digest)), '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                    reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()), iterations,
                    digest, static_cast<int>(out.size()), reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string Base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that it ends with
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 4096) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

/// `r=…,s=…,i=…`. The same letter twice: the first counts.
std::map<char, std::string_view> Attributes(std::string_view message) {
  std::map<char, std::string_view> found;
  while (!message.empty()) {
    const size_t comma = std::min(message.find(','), message.size());
    const std::string_view part = message.substr(0, comma);
    if (part.size() >= 2 && part[1] == '=') found.emplace(part[0], part.substr(2));
    message.remove_prefix(std::min(comma + 1, message.size()));
  }
  return found;
}

/// A name must not contain what separates attributes.
std::string Escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '=') {
      out += "=3D";
    } else if (c == ',') {
      out += "=2C";
    } else {
      out += c;
    }
  }
  return out;
}

absl::Status Refused(const char* why) { return absl::UnauthenticatedError(absl::StrCat("SCRAM: ", why)); }

}  // namespace

ScramClient::ScramClient(Hash hash, std::string username, std::string password, std::string nonce)
    : hash_(hash), username_(std::move(username)), password_(std::move(password)), nonce_(std::move(nonce)) {}

std::string ScramClient::FirstMessage() const { return absl::StrCat("n,,n=", Escaped(username_), ",r=", nonce_); }

absl::StatusOr<std::string> ScramClient::FinalMessage(std::string_view server_first) {
  const auto attributes = Attributes(server_first);
  const auto of = [&](char letter) -> std::string_view {
    const auto at = attributes.find(letter);
    return at == attributes.end() ? std::string_view() : at->second;
  };
  if (attributes.contains('m')) return Refused("the broker asks for an extension that is not known");
  const std::string nonce(of('r'));
  if (nonce.size() <= nonce_.size() || !nonce.starts_with(nonce_)) {
    return Refused("the broker's answer is not one to our request");
  }
  const std::optional<std::string> salt = FromBase64(of('s'));
  if (!salt) return Refused("the broker's answer has no salt");
  const std::string_view digits = of('i');
  int iterations = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), iterations);
  if (error != std::errc() || end != digits.data() + digits.size() || iterations < kLeastIterations ||
      iterations > kMostIterations) {
    return Refused("the broker asks for a number of iterations that is not between 4096 and 1000000");
  }
  const EVP_MD* digest = Digest(hash_);
  const std::string salted = Salted(digest, password_, *salt, iterations);
  const std::string client_key = Hmac(digest, salted, "Client Key");
  const std::string without_proof = absl::StrCat("c=biws,r=", nonce);
  std::string authenticated = FirstMessage().substr(3);  // without the header of the channel binding
  authenticated.append(",").append(server_first).append(",").append(without_proof);
  const std::string signature = Hmac(digest, HashOf(digest, client_key), authenticated);
  std::string proof = client_key;
  for (size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
  expected_signature_ = Hmac(digest, Hmac(digest, salted, "Server Key"), authenticated);
  return absl::StrCat(without_proof, ",p=", Base64(proof));
}

absl::Status ScramClient::Verify(std::string_view server_final) const {
  const auto attributes = Attributes(server_final);
  if (attributes.contains('e')) return Refused("the broker refused the login");
  const auto at = attributes.find('v');
  const std::optional<std::string> signature =
      at == attributes.end() ? std::nullopt : FromBase64(at->second);
  if (expected_signature_.empty() || !signature || signature->size() != expected_signature_.size() ||
      CRYPTO_memcmp(signature->data(), expected_signature_.data(), signature->size()) != 0) {
    return Refused("the broker did not prove that it knows the password: this may be somebody else's broker");
  }
  return absl::OkStatus();
}

}  // namespace weir::taskmanager::kafka::protocol
