#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tenure::core {

/// What kind of failure happened; programs branch on this, people read Error::message.
/// The table in error.cpp maps each code to HTTP, gRPC, MLflow and the exit code of the command
/// line.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,    ///< the caller's input is wrong; repeating the call cannot help
  kNotFound,           ///< what was named does not exist
  kAlreadyExists,      ///< what was to be made exists
  kConflict,           ///< another writer was faster, or the state does not allow the call
  kUnauthenticated,    ///< who is calling is unknown
  kPermissionDenied,   ///< who is calling may not do this
  kResourceExhausted,  ///< a limit was reached: size, memory, disk, rate
  kUnavailable,        ///< a backend or the server cannot answer now; try again
  kDeadlineExceeded,   ///< the time allowed for the call ran out
  kCorruption,         ///< stored data is not what was written
  kUnimplemented,      ///< known, but this build or this input form does not support it
  kCancelled,          ///< the caller gave up (Ctrl-C, SIGTERM)
  kInternal,           ///< our own mistake
};

/// One row of the error table: how a code looks in every protocol Tenure speaks.
struct ErrorCodeInfo {
  ErrorCode code;
  std::string_view name;         ///< "invalid_argument", as in logs and --json
  int http_status;               ///< Tenure's own HTTP API
  int grpc_status;               ///< google.rpc.Code
  std::string_view mlflow_code;  ///< `error_code` of MLflow's REST body
  int mlflow_http_status;        ///< MLflow answers some codes with another status than ours
  int exit_code;                 ///< of the `tenure` command
};

/// The row of `code`. Every code has one.
const ErrorCodeInfo& error_code_info(ErrorCode code);

/// A failure as a value. Default file and line are the place where the Error was made.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  ///< for people: what, where, what was expected
  const char* file = __builtin_FILE();
  int line = __builtin_LINE();

  /// The same error, its message led by where it happened: "features.view usage: " + message.
  Error within(std::string_view context) &&;
};

}  // namespace tenure::core
