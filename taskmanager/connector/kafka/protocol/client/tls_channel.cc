#include "taskmanager/connector/kafka/protocol/client/tls_channel.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Ssl = std::unique_ptr<SSL, decltype(&SSL_free)>;

/// OpenSSL's reason of the last error of this thread.
std::string LastReason() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : error != 0 ? absl::StrCat("OpenSSL error ", error) : "no reason given";
}

/// The broker's verdict on our certificate, told by an alert.
bool IsAlertOnOurCertificate(int reason) {
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return true;
    default: return false;
  }
}

class TlsChannel final : public Channel {
 public:
  TlsChannel(std::unique_ptr<Channel> below, SSL* ssl, std::string host)
      : below_(std::move(below)), ssl_(ssl, SSL_free), host_(std::move(host)) {
    from_broker_ = BIO_new(BIO_s_mem());
    to_broker_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(from_broker_, -1);  // empty means wait, not end
    SSL_set_bio(ssl_.get(), from_broker_, to_broker_);
    SSL_set_connect_state(ssl_.get());
  }
  ~TlsChannel() override {
    // Says good-bye, if that needs no waiting.
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_.get()) && !broken_) {
      SSL_shutdown(ssl_.get());
      Flush(0).IgnoreError();
    }
  }

  absl::Status Handshake(SteadyMicros deadline) {
    while (true) {
      ERR_clear_error();
      const int result = SSL_do_handshake(ssl_.get());
      const int kind = SSL_get_error(ssl_.get(), result);
      const absl::Status problem = result == 1 || kind == SSL_ERROR_WANT_READ ? absl::OkStatus() : Problem(kind);
      const absl::Status flushed = Flush(deadline);  // also the alert that tells the broker why
      if (!problem.ok()) return problem;
      RETURN_IF_ERROR(flushed);
      if (result == 1) return absl::OkStatus();
      if (absl::Status status = Receive(deadline); !status.ok()) {
        if (status.code() != absl::StatusCode::kUnavailable) return status;
        return absl::UnavailableError(absl::StrCat(
            status.message(), " while shaking hands: is this a port without TLS?"));
      }
    }
  }

  absl::Status Write(std::string_view bytes, SteadyMicros deadline) override {
    while (!bytes.empty()) {
      ERR_clear_error();
      const int count = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20)));
      if (count > 0) {
        bytes.remove_prefix(static_cast<size_t>(count));
        RETURN_IF_ERROR(Flush(deadline));
        continue;
      }
      const int kind = SSL_get_error(ssl_.get(), count);
      if (kind != SSL_ERROR_WANT_READ) return Problem(kind);
      RETURN_IF_ERROR(Flush(deadline));
      RETURN_IF_ERROR(Receive(deadline));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> Read(char* to, size_t room, SteadyMicros deadline) override {
    while (true) {
      ERR_clear_error();
      const int count = SSL_read(ssl_.get(), to, static_cast<int>(std::min<size_t>(room, 1 << 20)));
      if (count > 0) return static_cast<size_t>(count);
      const int kind = SSL_get_error(ssl_.get(), count);
      if (kind != SSL_ERROR_WANT_READ) return Problem(kind);
      RETURN_IF_ERROR(Flush(deadline));
      RETURN_IF_ERROR(Receive(deadline));
    }
  }

  int fd() const override { return below_->fd(); }

 private:
  /// What OpenSSL has written goes to the broker.
  absl::Status Flush(SteadyMicros deadline) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(to_broker_, &bytes);
    if (size <= 0) return absl::OkStatus();
    absl::Status status = below_->Write(std::string_view(bytes, static_cast<size_t>(size)), deadline);
    if (!status.ok()) broken_ = true;
    BIO_reset(to_broker_);
    return status;
  }
  absl::Status Receive(SteadyMicros deadline) {
    char chunk[16 << 10];
    auto count = below_->Read(chunk, sizeof(chunk), deadline);
    if (!count.ok()) {
      broken_ = broken_ || count.status().code() != absl::StatusCode::kDeadlineExceeded;
      return count.status();
    }
    BIO_write(from_broker_, chunk, static_cast<int>(*count));
    return absl::OkStatus();
  }

  absl::Status Problem(int kind) {
    broken_ = true;
    if (kind == SSL_ERROR_ZERO_RETURN) return absl::UnavailableError("the broker has closed the connection");
    const long verdict = SSL_get_verify_result(ssl_.get());
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
      return absl::UnauthenticatedError(absl::StrCat(
          "TLS: the broker's certificate is not one of ", host_, " (", X509_verify_cert_error_string(verdict),
          "): use a name that stands in it, or `security: {tls: {verify_hostname: false}}`"));
    }
    if (verdict != X509_V_OK) {
      return absl::UnauthenticatedError(
          absl::StrCat("TLS: the certificate of ", host_, " is not trusted: ", X509_verify_cert_error_string(verdict),
                       "; `security: {tls: {ca: FILE}}` must be a PEM file of the CA that signed it"));
    }
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    if (IsAlertOnOurCertificate(reason)) {
      return absl::UnauthenticatedError(
          absl::StrCat("TLS: ", host_, " wants a client certificate that it trusts (", LastReason(),
                       "): set `security: {tls: {cert: FILE, key: FILE}}`"));
    }
    if (reason == SSL_R_WRONG_VERSION_NUMBER) {
      return absl::UnavailableError(
          absl::StrCat("TLS: ", host_, " does not answer with TLS: is this a port without it?"));
    }
    return absl::UnavailableError(absl::StrCat("TLS with ", host_, " failed: ", LastReason()));
  }

  const std::unique_ptr<Channel> below_;
  const Ssl ssl_;
  const std::string host_;
  BIO* from_broker_;  // both are ssl_'s
  BIO* to_broker_;
  bool broken_ = false;
};

class OpenSslContext final : public TlsContext {
 public:
  OpenSslContext(SslContext context, bool verify_hostname)
      : context_(std::move(context)), verify_hostname_(verify_hostname) {}

  absl::StatusOr<std::unique_ptr<Channel>> Start(std::unique_ptr<Channel> below, const std::string& host,
                                                 SteadyMicros deadline) const override {
    SSL* ssl = SSL_new(context_.get());
    if (ssl == nullptr) return absl::ResourceExhaustedError("TLS: " + LastReason());
    auto channel = std::make_unique<TlsChannel>(std::move(below), ssl, host);
    unsigned char address[sizeof(in6_addr)];
    const bool is_address =
        inet_pton(AF_INET, host.c_str(), address) == 1 || inet_pton(AF_INET6, host.c_str(), address) == 1;
    if (!is_address) SSL_set_tlsext_host_name(ssl, host.c_str());
    if (verify_hostname_) {
      X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
      X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      const int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str())
                                 : X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
      if (set != 1) return absl::InvalidArgumentError("TLS: no host name: " + host);
    }
    RETURN_IF_ERROR(channel->Handshake(deadline));
    return channel;
  }

 private:
  const SslContext context_;
  const bool verify_hostname_;
};

int GivePassword(char* buffer, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (static_cast<size_t>(size) < text.size()) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

absl::Status LoadTrust(SSL_CTX* context, const std::string& location) {
  if (location.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return absl::OkStatus();
    return absl::InvalidArgumentError("TLS: the system's CAs cannot be read: " + LastReason());
  }
  struct stat found {};
  const bool folder = stat(location.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
  if (SSL_CTX_load_verify_locations(context, folder ? nullptr : location.c_str(),
                                    folder ? location.c_str() : nullptr) == 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("TLS: ca: ", location, " cannot be used: ", LastReason()));
}

/// A list of revoked certificates; from then on each CA's list must be there, as with librdkafka.
absl::Status LoadRevoked(SSL_CTX* context, const std::string& location) {
  if (SSL_CTX_load_verify_locations(context, location.c_str(), nullptr) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("TLS: ssl.crl.location: ", location, " cannot be used: ", LastReason()));
  }
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_CRL_CHECK);
  return absl::OkStatus();
}

absl::Status LoadIdentity(SSL_CTX* context, const ConnectionOptions& options) {
  if (options.certificate_file.empty()) return absl::OkStatus();
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("TLS: cert: ", options.certificate_file,
                                                   " cannot be used: ", LastReason()));
  }
  const std::string& key = options.key_file.empty() ? options.certificate_file : options.key_file;
  SSL_CTX_set_default_passwd_cb(context, GivePassword);
  SSL_CTX_set_default_passwd_cb_userdata(context, const_cast<std::string*>(&options.key_password));
  const bool read = SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  if (read && SSL_CTX_check_private_key(context) == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("TLS: key: ", key, " cannot be used (the file, key_password, or not the key of the ",
                   "certificate): ", LastReason()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsContext>> MakeTlsContext(const ConnectionOptions& options) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (context == nullptr) return absl::ResourceExhaustedError("TLS: " + LastReason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // A broker that ends without a good-bye is one that has closed the connection.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  RETURN_IF_ERROR(LoadTrust(context.get(), options.ca_file));
  if (const auto crl = options.properties.find("ssl.crl.location"); crl != options.properties.end()) {
    RETURN_IF_ERROR(LoadRevoked(context.get(), crl->second));
  }
  RETURN_IF_ERROR(LoadIdentity(context.get(), options));
  return std::make_unique<OpenSslContext>(std::move(context), options.verify_hostname);
}

}  // namespace weir::taskmanager::kafka::protocol
