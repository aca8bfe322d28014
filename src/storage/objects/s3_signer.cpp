#include "storage/objects/s3_signer.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/assert.h"
#include "core/sha256.h"
#include "core/time_format.h"
#include "storage/objects/object_key.h"

namespace tenure::storage {
namespace {

using Mac = std::array<unsigned char, 32>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

Mac hmac(std::string_view key, std::string_view text) {
  Mac mac{};
  unsigned int size = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  TENURE_ASSERT(made != nullptr && size == mac.size());
  return mac;
}

std::string_view bytes_of(const Mac& mac) {
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

/// A name or value of a query: as in a path, and '/' as well.
std::string encode_component(std::string_view text) {
  std::string encoded;
  for (const char c : percent_encode_path(text)) {
    if (c == '/') {
      encoded += "%2F";
    } else {
      encoded += c;
    }
  }
  return encoded;
}

/// "20130524T000000Z".
std::string basic_time(core::Micros time) {
  // Whole seconds have the form 2013-05-24T00:00:00Z.
  std::string text = core::format_utc(time - time % core::kMicrosPerSecond);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string scope_text(const S3Scope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", basic_time(scope.time).substr(0, 8), scope.region,
                     scope.service);
}

/// Without blanks around it; several inside become one.
std::string trimmed(std::string_view value) {
  std::string result;
  for (const char c : value) {
    const bool is_blank = c == ' ' || c == '\t';
    if (!is_blank) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (result.ends_with(' ')) result.pop_back();
  return result;
}

S3Pairs signed_headers(const S3Message& message) {
  S3Pairs headers = message.headers;
  headers.emplace_back("host", message.host);
  std::stable_sort(headers.begin(), headers.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return headers;
}

std::string names_of(const S3Pairs& headers) {
  std::string names;
  for (const auto& [name, value] : headers) {
    if (!names.empty()) names += ';';
    names += name;
  }
  return names;
}

}  // namespace

std::string s3_canonical_query(const S3Pairs& query) {
  S3Pairs encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query)
    encoded.emplace_back(encode_component(name), encode_component(value));
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

std::string s3_canonical_request(const S3Message& message, std::string_view payload_hash) {
  const S3Pairs headers = signed_headers(message);
  std::string text = fmt::format("{}\n{}\n{}\n", message.method, percent_encode_path(message.path),
                                 s3_canonical_query(message.query));
  for (const auto& [name, value] : headers)
    text.append(name).append(":").append(trimmed(value)).append("\n");
  return text.append("\n").append(names_of(headers)).append("\n").append(payload_hash);
}

std::string s3_signature(const S3Credentials& credentials, const S3Scope& scope,
                         std::string_view canonical_request) {
  const std::string time = basic_time(scope.time);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope_text(scope),
                                          core::sha256_hex(canonical_request));
  Mac key = hmac("AWS4" + credentials.secret_key, std::string_view(time).substr(0, 8));
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")})
    key = hmac(bytes_of(key), part);
  return core::to_hex(hmac(bytes_of(key), to_sign));
}

void sign_s3_headers(S3Message& message, const S3Credentials& credentials, const S3Scope& scope,
                     std::string_view payload_hash) {
  message.headers.emplace_back("x-amz-content-sha256", payload_hash);
  message.headers.emplace_back("x-amz-date", basic_time(scope.time));
  if (!credentials.session_token.empty())
    message.headers.emplace_back("x-amz-security-token", credentials.session_token);
  const std::string signature =
      s3_signature(credentials, scope, s3_canonical_request(message, payload_hash));
  message.headers.emplace_back("authorization",
                               fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                                           kAlgorithm, credentials.access_key, scope_text(scope),
                                           names_of(signed_headers(message)), signature));
}

std::string presign_s3_target(S3Message message, const S3Credentials& credentials,
                              const S3Scope& scope, int seconds) {
  message.query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  message.query.emplace_back("X-Amz-Credential", credentials.access_key + "/" + scope_text(scope));
  message.query.emplace_back("X-Amz-Date", basic_time(scope.time));
  message.query.emplace_back("X-Amz-Expires", std::to_string(seconds));
  message.query.emplace_back("X-Amz-SignedHeaders", names_of(signed_headers(message)));
  if (!credentials.session_token.empty())
    message.query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  const std::string signature =
      s3_signature(credentials, scope, s3_canonical_request(message, kS3UnsignedPayload));
  return fmt::format("{}?{}&X-Amz-Signature={}", percent_encode_path(message.path),
                     s3_canonical_query(message.query), signature);
}

}  // namespace tenure::storage
