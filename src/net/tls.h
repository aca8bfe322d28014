#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "net/read_buffer.h"

// OpenSSL's own names, so that its headers stay in tls.cpp.
struct ssl_ctx_st;
struct ssl_st;
struct bio_st;

namespace tenure::net {

struct TlsFiles {
  std::filesystem::path certificate;  ///< PEM: the server's certificate, then its chain
  std::filesystem::path key;          ///< PEM: its private key

  bool is_set() const { return !certificate.empty(); }
};

/// Certificate and key of a server, read again when the files change. TLS 1.2 and 1.3, ciphers with
/// forward secrecy and authenticated encryption only; ALPN offers h2 and http/1.1. Thread-safe.
class TlsCertificate {
 public:
  /// Errors: kNotFound, kPermissionDenied, kInvalidArgument; each names the file and the reason.
  /// Warns when others than the owner may read the key.
  static core::Result<std::unique_ptr<TlsCertificate>> load(TlsFiles files);
  /// Whether load() would take the files; for who gives them to a library. Errors: those of load().
  static core::Result<> check(const TlsFiles& files);

  /// Reads the files again when they differ from those last tried. A pair that does not fit, as in
  /// the moment between the replacement of one and the other, is logged and the old one kept.
  /// Open connections go on with what they have. True when new ones will get another certificate.
  bool refresh();

  using Context = std::shared_ptr<ssl_ctx_st>;
  Context context() const;

 private:
  explicit TlsCertificate(TlsFiles files) : files_(std::move(files)) {}
  static core::Result<Context> read(const TlsFiles& files);
  std::string fingerprint() const;

  TlsFiles files_;
  std::string tried_;  ///< what the files looked like when last read
  mutable std::mutex mutex_;
  Context context_;
};

/// The encrypted side of one connection: bytes from the socket become plain ones, plain ones become
/// bytes for the socket. Knows no socket. Not thread-safe.
class TlsStream {
 public:
  explicit TlsStream(const TlsCertificate::Context& context);  ///< throws std::bad_alloc
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Where the next bytes of the socket are to be read to; same place until received().
  std::span<char> room() { return {encrypted_.get(), kRoom}; }

  enum class Step : std::uint8_t {
    kOk,
    kPlainHttp,  ///< the client speaks HTTP without TLS; its bytes were not taken
    kClosed,     ///< the client sends no more
    kFailed,     ///< no TLS, or nothing in common; an alert may wait in wire()
  };

  /// `n` bytes are in room(): appends what they decrypt to.
  Step received(std::size_t n, ReadBuffer& plain);

  /// Encrypts `plain`, which is empty afterwards. What is to be sent is in wire().
  void seal(std::string& plain);
  void seal(std::string_view plain);
  std::string& wire() { return wire_; }

  void shut_down();  ///< close_notify: no more will come; call seal() to have it in wire()

  bool is_established() const;
  bool is_http2_chosen() const;  ///< by ALPN

 private:
  static constexpr std::size_t kRoom = 17 * 1024;  ///< a record and its header
  void drain();

  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  bio_st* in_ = nullptr;   ///< owned by ssl_
  bio_st* out_ = nullptr;  ///< owned by ssl_
  std::unique_ptr<char[]> encrypted_;
  std::string wire_;
  bool is_begun_ = false;
};

}  // namespace tenure::net
