#include "core/sha256.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/assert.h"
#include "core/descriptor.h"
#include "core/file.h"

namespace tenure::core {

namespace {

/// What a thread digests short texts with. The algorithm is looked up once: a look-up takes a lock.
struct ReusedDigest {
  EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ReusedDigest() = default;
  ~ReusedDigest() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(algorithm);
  }
  ReusedDigest(const ReusedDigest&) = delete;
  ReusedDigest& operator=(const ReusedDigest&) = delete;
};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  TENURE_ASSERT(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) {
  TENURE_ASSERT(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  TENURE_ASSERT(EVP_DigestFinal_ex(state_->context, digest, &size) == 1);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

Sha256Digest sha256(std::string_view bytes) {
  thread_local const ReusedDigest reused;
  Sha256Digest out;
  unsigned int size = 0;
  TENURE_ASSERT(EVP_DigestInit_ex2(reused.context, reused.algorithm, nullptr) == 1);
  TENURE_ASSERT(EVP_DigestUpdate(reused.context, bytes.data(), bytes.size()) == 1);
  TENURE_ASSERT(EVP_DigestFinal_ex(reused.context, out.data(), &size) == 1);
  return out;
}

std::string to_hex(const Sha256Digest& digest) {
  std::string text;
  for (const unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

std::optional<Sha256Digest> digest_of_hex(std::string_view text) {
  Sha256Digest out;
  if (text.size() != 2 * out.size()) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return out;
}

bool are_equal_in_constant_time(const Sha256Digest& a, const Sha256Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

Result<std::string> sha256_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return system_error(errno, "cannot open", path);
  Sha256 digest;
  std::vector<char> buffer(1 << 20);
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read", path);
    if (n == 0) break;
    digest.update(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  }
  return digest.hex();
}

}  // namespace tenure::core
