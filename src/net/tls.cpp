#include "net/tls.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "core/log.h"

namespace tenure::net {
namespace {

constexpr std::size_t kPlainStep = 16 * 1024;  ///< what one record holds at most
constexpr unsigned char kHandshakeRecord = 0x16;
// Forward secrecy and authenticated encryption; those of TLS 1.3 are all of that kind.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!MD5:!DSS";

/// The newest reason OpenSSL gives, and forgets all of them.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason ? reason : "not in PEM format, or empty";
}

core::Result<> check_readable(const char* what, const std::filesystem::path& path) {
  if (::access(path.c_str(), R_OK) == 0) return {};
  const int code = errno;
  return core::Error{
      code == ENOENT ? core::ErrorCode::kNotFound : core::ErrorCode::kPermissionDenied,
      fmt::format("the TLS {} {} cannot be read: {}", what, path.string(), std::strerror(code))};
}

core::Error cannot_use(const char* what, const std::filesystem::path& path) {
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("the TLS {} {} cannot be used: {}", what, path.string(), openssl_reason())};
}

void warn_when_others_can_read(const std::filesystem::path& key) {
  struct stat facts {};
  if (::stat(key.c_str(), &facts) != 0 || (facts.st_mode & (S_IRGRP | S_IROTH)) == 0) return;
  core::log_warn(
      "net", "others than its owner can read the TLS key; chmod 600 it",
      {{"file.path", key.string()}, {"file.mode", fmt::format("{:o}", facts.st_mode & 07777)}});
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char kOurs[] = "\x02h2\x08http/1.1";
  unsigned char* found = nullptr;
  const int result =
      SSL_select_next_proto(&found, chosen_size, kOurs, sizeof kOurs - 1, offered, offered_size);
  *chosen = found;
  // A client that offers nothing we know is refused (RFC 7301 section 3.2).
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

core::Result<TlsCertificate::Context> TlsCertificate::read(const TlsFiles& files) {
  if (auto ok = check_readable("certificate", files.certificate); !ok) return std::move(ok).error();
  if (auto ok = check_readable("key", files.key); !ok) return std::move(ok).error();
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context)
    return core::Error{core::ErrorCode::kInternal, "TLS cannot be set up: " + openssl_reason()};
  SSL_CTX* const ctx = context.get();
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(ctx, kCiphers);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);  // tickets need no memory here
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
  // Never ask a terminal for the password of an encrypted key.
  SSL_CTX_set_default_passwd_cb(ctx, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(ctx, files.certificate.c_str()) != 1)
    return cannot_use("certificate", files.certificate);
  if (SSL_CTX_use_PrivateKey_file(ctx, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return cannot_use("key", files.key);
  if (SSL_CTX_check_private_key(ctx) != 1) return cannot_use("key", files.key);
  return context;
}

core::Result<std::unique_ptr<TlsCertificate>> TlsCertificate::load(TlsFiles files) {
  std::unique_ptr<TlsCertificate> loaded(new TlsCertificate(std::move(files)));
  loaded->tried_ = loaded->fingerprint();
  auto context = read(loaded->files_);
  if (!context) return std::move(context).error();
  loaded->context_ = *std::move(context);
  warn_when_others_can_read(loaded->files_.key);
  return loaded;
}

core::Result<> TlsCertificate::check(const TlsFiles& files) {
  auto context = read(files);
  if (!context) return std::move(context).error();
  return {};
}

std::string TlsCertificate::fingerprint() const {
  std::string text;
  for (const auto& path : {files_.certificate, files_.key}) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) continue;
    text += fmt::format("{}.{}.{}.{}.{};", facts.st_dev, facts.st_ino, facts.st_size,
                        facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
  }
  return text;
}

bool TlsCertificate::refresh() {
  std::string now = fingerprint();
  {
    const std::lock_guard lock(mutex_);
    if (now == tried_) return false;
    tried_ = std::move(now);
  }
  auto context = read(files_);
  if (!context) {
    core::log_warn("net", "the changed TLS certificate is not taken; the old one stays",
                   {{"error.message", context.error().message}});
    return false;
  }
  warn_when_others_can_read(files_.key);
  {
    const std::lock_guard lock(mutex_);
    context_ = *std::move(context);
  }
  core::log_info("net", "new connections get the changed TLS certificate",
                 {{"file.path", files_.certificate.string()}});
  return true;
}

TlsCertificate::Context TlsCertificate::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

TlsStream::TlsStream(const TlsCertificate::Context& context)
    : ssl_(SSL_new(context.get()), SSL_free),
      encrypted_(std::make_unique_for_overwrite<char[]>(kRoom)) {
  if (!ssl_) throw std::bad_alloc();
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  if (!in_ || !out_) {
    BIO_free(in_);
    BIO_free(out_);
    throw std::bad_alloc();
  }
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::~TlsStream() = default;

TlsStream::Step TlsStream::received(std::size_t n, ReadBuffer& plain) {
  if (n == 0) return Step::kOk;
  if (!std::exchange(is_begun_, true)) {
    const auto first = static_cast<unsigned char>(encrypted_[0]);
    // No record of TLS begins with a letter, and every HTTP request does.
    if (first != kHandshakeRecord)
      return first >= 'A' && first <= 'Z' ? Step::kPlainHttp : Step::kFailed;
  }
  ERR_clear_error();
  if (BIO_write(in_, encrypted_.get(), static_cast<int>(n)) != static_cast<int>(n))
    throw std::bad_alloc();
  for (;;) {
    const std::span<char> free = plain.make_room(kPlainStep);
    const int got = SSL_read(ssl_.get(), free.data(), static_cast<int>(free.size()));
    if (got > 0) {
      plain.produced(static_cast<std::size_t>(got));
      continue;
    }
    const int reason = SSL_get_error(ssl_.get(), got);
    ERR_clear_error();
    switch (reason) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return Step::kOk;
      case SSL_ERROR_ZERO_RETURN:
        return Step::kClosed;
      default:
        return Step::kFailed;
    }
  }
}

void TlsStream::seal(std::string& plain) {
  seal(std::string_view(plain));
  plain.clear();
}

void TlsStream::seal(std::string_view plain) {
  std::size_t done = 0;
  while (done < plain.size()) {
    ERR_clear_error();
    const std::size_t step = std::min(plain.size() - done, kPlainStep);
    const int n = SSL_write(ssl_.get(), plain.data() + done, static_cast<int>(step));
    if (n <= 0) break;  // not established, or broken: nothing can be said to this client
    done += static_cast<std::size_t>(n);
    drain();
  }
  drain();
}

void TlsStream::drain() {
  char* bytes = nullptr;
  const long n = BIO_get_mem_data(out_, &bytes);
  if (n > 0) wire_.append(bytes, static_cast<std::size_t>(n));
  BIO_reset(out_);
}

void TlsStream::shut_down() {
  ERR_clear_error();
  if (is_established()) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool TlsStream::is_established() const {
  return SSL_is_init_finished(ssl_.get()) == 1;
}

bool TlsStream::is_http2_chosen() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

}  // namespace tenure::net
