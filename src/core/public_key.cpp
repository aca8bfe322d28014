#include "core/public_key.h"

#include <string>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "core/deleter.h"

namespace tenure::core {
namespace {

using Number = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number number_of(std::string_view bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

Error invalid(const char* message) {
  return Error{ErrorCode::kInvalidArgument, message};
}

/// Null when the library does not take the numbers for a key.
Key make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return Key(key);
}

/// ECDSA's two numbers in the form the library reads; empty when they are none.
std::string der_of(std::string_view signature) {
  if (signature.size() != 64) return "";
  const EcSignature pair(ECDSA_SIG_new());
  Number r = number_of(signature.substr(0, 32));
  Number s = number_of(signature.substr(32));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return "";
  static_cast<void>(r.release());  // the pair owns them now
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(pair.get(), &der);
  if (length <= 0) return "";
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return text;
}

}  // namespace

struct PublicKey::State {
  Key key;
};

Result<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  while (modulus.starts_with('\0')) modulus.remove_prefix(1);
  if (modulus.size() < 256 || modulus.size() > 1024)
    return invalid("an RSA key should have 2048 to 8192 bits");
  if (exponent.empty() || exponent.size() > 8 || (exponent.back() & 1) == 0)
    return invalid("the exponent of an RSA key should be odd and have at most 64 bits");
  const Number n = number_of(modulus);
  const Number e = number_of(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return invalid("the numbers of an RSA key cannot be read");
  Key key = make_key("RSA", builder.get());
  if (!key) return invalid("the numbers are no RSA key");
  return PublicKey(SignatureAlgorithm::kRs256,
                   std::make_shared<const State>(State{std::move(key)}));
}

Result<PublicKey> PublicKey::p256(std::string_view x, std::string_view y) {
  if (x.size() != 32 || y.size() != 32)
    return invalid("a key of P-256 should have coordinates of 32 bytes");
  const std::string point = '\4' + std::string(x) + std::string(y);  // SEC 1: uncompressed
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return invalid("the coordinates of a key of P-256 cannot be read");
  Key key = make_key("EC", builder.get());
  if (!key) return invalid("the coordinates are no point of P-256");
  return PublicKey(SignatureAlgorithm::kEs256,
                   std::make_shared<const State>(State{std::move(key)}));
}

Result<PublicKey> PublicKey::ed25519(std::string_view bytes) {
  if (bytes.size() != 32) return invalid("a key of Ed25519 should have 32 bytes");
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(bytes), bytes.size()));
  if (!key) return invalid("the bytes are no key of Ed25519");
  return PublicKey(SignatureAlgorithm::kEdDsa,
                   std::make_shared<const State>(State{std::move(key)}));
}

bool PublicKey::verifies(std::string_view message, std::string_view signature) const {
  std::string der;
  if (algorithm_ == SignatureAlgorithm::kEs256) {
    der = der_of(signature);
    if (der.empty()) return false;
    signature = der;
  }
  const bool is_digested = algorithm_ != SignatureAlgorithm::kEdDsa;
  const DigestContext context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, is_digested ? EVP_sha256() : nullptr, nullptr,
                              state_->key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

}  // namespace tenure::core
