#include "common/security/tls_server_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "common/security/access.h"

namespace weir::security {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

absl::Status Wrong(const char* key, const std::string& path, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("tls.", key, ": ", path, ": ", why));
}

absl::Status CheckReadable(const char* key, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return Wrong(key, path, "cannot be read");
  std::fclose(file);
  return absl::OkStatus();
}

absl::StatusOr<Context> Load(const config::TlsConfig& tls) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return absl::InternalError(absl::StrCat("TLS: ", TlsErrors()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (!tls.cert.empty()) {
    RETURN_IF_ERROR(CheckReadable("cert", tls.cert));
    RETURN_IF_ERROR(CheckReadable("key", tls.key));
    if (SSL_CTX_use_certificate_chain_file(context.get(), tls.cert.c_str()) != 1)
      return Wrong("cert", tls.cert, absl::StrCat("not a certificate in PEM: ", TlsErrors()));
    if (SSL_CTX_use_PrivateKey_file(context.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1)
      return Wrong("key", tls.key, absl::StrCat("not the key to tls.cert: ", TlsErrors()));
    if (SSL_CTX_check_private_key(context.get()) != 1)
      return Wrong("key", tls.key, "not the key to tls.cert");
  }
  if (!tls.ca.empty()) {
    RETURN_IF_ERROR(CheckReadable("ca", tls.ca));
    if (SSL_CTX_load_verify_locations(context.get(), tls.ca.c_str(), nullptr) != 1)
      return Wrong("ca", tls.ca, absl::StrCat("no certificates in PEM: ", TlsErrors()));
  }
  if (tls.require_client_cert) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

}  // namespace

std::string TlsErrors() {
  std::string all;
  char text[256];
  while (const unsigned long error = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(error);
    if (reason == nullptr) {
      ERR_error_string_n(error, text, sizeof(text));
      reason = text;
    }
    if (all.size() < 500) absl::StrAppend(&all, all.empty() ? "" : "; ", reason);
  }
  return all;
}

absl::Status CheckTlsFiles(const config::TlsConfig& tls) {
  if (!tls.connects()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Context context, Load(tls));
  const X509* certificate = SSL_CTX_get0_certificate(context.get());
  if (certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
    log::Error("the certificate has expired: peers will refuse it", {{"file", tls.cert}});
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<TlsServerContext>> TlsServerContext::Open(const config::TlsConfig& tls) {
  std::unique_ptr<TlsServerContext> made(new TlsServerContext(tls));
  made->versions_ = made->Versions();
  ASSIGN_OR_RETURN(Context context, Load(tls));
  made->context_ = context.release();
  return made;
}

TlsServerContext::~TlsServerContext() { SSL_CTX_free(context_); }

std::string TlsServerContext::Versions() const {
  return absl::StrCat(VersionOf(tls_.cert), " ", VersionOf(tls_.key), " ", VersionOf(tls_.ca));
}

SSL_CTX* TlsServerContext::Current() {
  const auto now = std::chrono::steady_clock::now();
  if (now < look_again_) return context_;
  look_again_ = now + std::chrono::seconds(1);
  const std::string versions = Versions();
  if (versions == versions_) return context_;
  absl::StatusOr<Context> context = Load(tls_);
  if (!context.ok()) {
    // Key and certificate may be written one after the other: looked at again until they fit.
    log::Warning(absl::StrCat("the files of TLS have changed and are wrong; those before stay: ",
                              context.status().message()));
    return context_;
  }
  versions_ = versions;
  SSL_CTX_free(context_);
  context_ = context->release();
  log::Info("the files of TLS were read again", {{"file", tls_.cert}});
  return context_;
}

}  // namespace weir::security
