#include "data/duckdb_error.h"

#include <array>
#include <string_view>

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;

struct ErrorRule {
  std::string_view text;
  ErrorCode code;
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The code of an error by DuckDB's text. Failures while preparing have no error type in the C API,
/// only the text, which begins with the type's name; so the text serves everywhere. Causes that the
/// type does not tell apart (a full disk from a missing file) come first.
ErrorCode code_of(std::string_view message) {
  static constexpr std::array kCauses = std::to_array<ErrorRule>({
      {"INTERRUPT Error", ErrorCode::kCancelled},
      {"Interrupted!", ErrorCode::kCancelled},
      {"No space left on device", ErrorCode::kResourceExhausted},
      {"Disk quota exceeded", ErrorCode::kResourceExhausted},
      {"File too large", ErrorCode::kResourceExhausted},
      {"Too many open files", ErrorCode::kResourceExhausted},
      {"Out of Memory Error", ErrorCode::kResourceExhausted},
      {"std::bad_alloc", ErrorCode::kResourceExhausted},
      {"No files found that match the pattern", ErrorCode::kNotFound},
      {"No such file or directory", ErrorCode::kNotFound},
      {"Permission denied", ErrorCode::kPermissionDenied},
      {"No magic bytes found", ErrorCode::kCorruption},
      {"too small to be a Parquet file", ErrorCode::kCorruption},
      {"not a valid DuckDB database file", ErrorCode::kCorruption},
      {"TProtocolException", ErrorCode::kCorruption},
      {"Snappy decompression failure", ErrorCode::kCorruption},
      {"ZSTD Decompression failure", ErrorCode::kCorruption},
      {"orrupt", ErrorCode::kCorruption},
      {"checksum", ErrorCode::kCorruption},
      {"Footer length", ErrorCode::kCorruption},
  });
  static constexpr std::array kTypes = std::to_array<ErrorRule>({
      {"IO Error", ErrorCode::kUnavailable},
      {"Permission Error", ErrorCode::kPermissionDenied},
      {"Not implemented Error", ErrorCode::kUnimplemented},
      {"TransactionContext Error", ErrorCode::kConflict},
      {"INTERNAL Error", ErrorCode::kInternal},
      {"FATAL Error", ErrorCode::kInternal},
      {"Serialization Error", ErrorCode::kCorruption},
  });
  // A message may quote the user's own text; causes are only looked for in what kinds of error can
  // have them.
  const bool is_about_input =
      message.starts_with("Binder Error") || message.starts_with("Parser Error") ||
      message.starts_with("Catalog Error") || message.starts_with("Conversion Error");
  if (!is_about_input)
    for (const ErrorRule& rule : kCauses)
      if (contains(message, rule.text)) return rule.code;
  for (const ErrorRule& rule : kTypes)
    if (message.starts_with(rule.text)) return rule.code;
  return ErrorCode::kInvalidArgument;
}

}  // namespace

Error cancelled() {
  return Error{ErrorCode::kCancelled, "cancelled"};
}

Error engine_error(const char* message) {
  if (message == nullptr) return Error{ErrorCode::kInternal, "the SQL engine gave no reason"};
  const ErrorCode code = code_of(message);
  if (code == ErrorCode::kCancelled) return cancelled();
  return Error{code, message};
}

}  // namespace tenure::data
