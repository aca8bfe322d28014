#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "storage/objects/s3_options.h"
#include "storage/objects/s3_signer.h"

namespace tenure::storage {

/// One request to a bucket.
struct S3Call {
  std::string method;
  std::string key = {};  ///< below the bucket, whole; "" = the bucket itself
  S3Pairs query = {};
  S3Pairs headers = {};                            ///< lower-case names
  std::string_view body = {};                      ///< must outlive the call: it may be sent again
  std::size_t answer_max = std::size_t{16} << 20;  ///< bytes; more is kResourceExhausted
};

/// What the server said.
struct S3Answer {
  int status = 0;
  S3Pairs headers = {};  ///< lower-case names
  std::string body = {};
  std::string error_code = {};  ///< of a failure that came with a body, as "NoSuchKey"
  std::string error_message = {};

  bool is_success() const { return status >= 200 && status < 300; }
  std::string_view header(std::string_view name) const;  ///< "" without one
  core::Micros modified() const;                         ///< Last-Modified; 0 when it is not told
};

/// Signs, sends, and sends again what failed for the moment: connections that broke, timeouts, 429,
/// 500, 502, 503, 504 and the codes that say so, at most `attempts` times, with growing random
/// pauses, and less often while most calls fail. Goes to the region the server names, and takes the
/// server's time when the clocks differ too much. Connections are kept and shared. Thread-safe.
class S3Client {
 public:
  /// Errors: kInternal when the HTTP library cannot be set up.
  static core::Result<std::unique_ptr<S3Client>> open(S3Options options,
                                                      std::shared_ptr<const core::Clock> clock);
  ~S3Client();
  S3Client(const S3Client&) = delete;
  S3Client& operator=(const S3Client&) = delete;

  const S3Options& options() const;

  /// An answer of any status. Errors: kUnavailable, kDeadlineExceeded when there is none.
  core::Result<S3Answer> call(const S3Call& call);

  /// The error for an answer that is no success, by its code and status.
  core::Error error_of(const S3Call& call, const S3Answer& answer) const;

  /// A URL with which anybody may send this one request until `seconds` have gone.
  std::string presigned_url(std::string_view method, std::string_view key, int seconds) const;

 private:
  struct State;
  explicit S3Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tenure::storage
