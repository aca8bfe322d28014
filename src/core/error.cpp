#include "core/error.h"

#include <array>
#include <utility>

#include "core/assert.h"

namespace tenure::core {
namespace {

// MLflow's column follows mlflow/exceptions.py (ERROR_CODE_TO_HTTP_STATUS); exit codes are ours.
constexpr std::array kTable = std::to_array<ErrorCodeInfo>({
    {ErrorCode::kInvalidArgument, "invalid_argument", 400, 3, "INVALID_PARAMETER_VALUE", 400, 2},
    {ErrorCode::kNotFound, "not_found", 404, 5, "RESOURCE_DOES_NOT_EXIST", 404, 3},
    {ErrorCode::kAlreadyExists, "already_exists", 409, 6, "RESOURCE_ALREADY_EXISTS", 400, 4},
    {ErrorCode::kConflict, "conflict", 409, 10, "RESOURCE_CONFLICT", 409, 4},
    {ErrorCode::kUnauthenticated, "unauthenticated", 401, 16, "UNAUTHENTICATED", 401, 5},
    {ErrorCode::kPermissionDenied, "permission_denied", 403, 7, "PERMISSION_DENIED", 403, 5},
    {ErrorCode::kResourceExhausted, "resource_exhausted", 429, 8, "RESOURCE_EXHAUSTED", 507, 6},
    {ErrorCode::kUnavailable, "unavailable", 503, 14, "TEMPORARILY_UNAVAILABLE", 503, 7},
    {ErrorCode::kDeadlineExceeded, "deadline_exceeded", 504, 4, "DEADLINE_EXCEEDED", 504, 7},
    {ErrorCode::kCorruption, "corruption", 500, 15, "DATA_LOSS", 500, 8},
    {ErrorCode::kUnimplemented, "unimplemented", 501, 12, "NOT_IMPLEMENTED", 501, 9},
    // 128 + SIGINT, as shells report an interrupted command; 499 is nginx's "client closed
    // request".
    {ErrorCode::kCancelled, "cancelled", 499, 1, "CANCELLED", 499, 130},
    {ErrorCode::kInternal, "internal", 500, 13, "INTERNAL_ERROR", 500, 1},
});

}  // namespace

const ErrorCodeInfo& error_code_info(ErrorCode code) {
  const auto& row = kTable.at(static_cast<std::size_t>(code));
  TENURE_ASSERT(row.code == code);
  return row;
}

Error Error::within(std::string_view context) && {
  message.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

}  // namespace tenure::core
