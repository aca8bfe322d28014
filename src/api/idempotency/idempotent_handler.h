#pragma once

#include "api/idempotency/answer_memory.h"
#include "net/router.h"

namespace tenure::api {

/// The header that names a request, so that it can be sent again and is done once.
inline constexpr std::string_view kIdempotencyKey = "Idempotency-Key";

/// Answers requests that carry an Idempotency-Key from `memory` when they come again, and keeps the
/// answers of those that succeeded. Without the header it is `handler`. The key is a text of 1 to
/// 255 visible characters, with or without quotes. 400: no such key; 409: a request with it is
/// being worked on; 422: it belongs to another request; 503: answers cannot be kept. Blocks on a
/// disk, so requests with the header belong on a worker thread (net::Route::blocking_header).
/// Borrows `memory`.
net::Handler idempotent(AnswerMemory& memory, net::Handler handler);

}  // namespace tenure::api
