#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"

namespace tenure::storage {

/// Who calls. The secret never leaves the process and never gets into messages.
struct S3Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token = {};  ///< of temporary credentials
};

using S3Pairs = std::vector<std::pair<std::string, std::string>>;

/// A request as it is signed and then sent; nothing in it is percent-encoded.
struct S3Message {
  std::string method;
  std::string host;      ///< with the port, unless it is the scheme's own
  std::string path;      ///< from its '/' on
  S3Pairs query = {};    ///< in any order
  S3Pairs headers = {};  ///< lower-case names; "host" is added by signing
};

/// What a signature is good for.
struct S3Scope {
  core::Micros time = 0;
  std::string region;
  std::string service = "s3";
};

/// Instead of the body's hash: the body is not signed.
inline constexpr std::string_view kS3UnsignedPayload = "UNSIGNED-PAYLOAD";

/// The query as signed and as sent: sorted, every byte but A-Z a-z 0-9 - . _ ~ as %XX.
std::string s3_canonical_query(const S3Pairs& query);

/// Signature version 4: the text whose hash is signed, with exactly the headers of `message` and
/// its host.
std::string s3_canonical_request(const S3Message& message, std::string_view payload_hash);

/// 64 hexadecimal digits over a canonical request.
std::string s3_signature(const S3Credentials& credentials, const S3Scope& scope,
                         std::string_view canonical_request);

/// Adds x-amz-date, x-amz-content-sha256, x-amz-security-token and authorization, which covers all
/// headers there are. `payload_hash`: hexadecimal SHA-256 of the body, or kS3UnsignedPayload.
void sign_s3_headers(S3Message& message, const S3Credentials& credentials, const S3Scope& scope,
                     std::string_view payload_hash);

/// Adds to the query what lets anybody send this request until `seconds` (1 to 604,800) have gone;
/// its body is free. The query is then complete and in the order of s3_canonical_query, but for the
/// signature, which is last. Gives path and query, encoded.
std::string presign_s3_target(S3Message message, const S3Credentials& credentials,
                              const S3Scope& scope, int seconds);

}  // namespace tenure::storage
