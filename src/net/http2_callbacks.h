#pragma once

#include <string>

#include "net/response_head.h"

struct nghttp2_session;

namespace tenure::net {

class Http2Session;
struct Http2Stream;

/// The nghttp2 library's side of a session: a server session that calls `owner`, with limits on
/// what floods. Throws std::bad_alloc.
nghttp2_session* make_nghttp2_session(Http2Session& owner);

/// Hands the answer of a stream to the library; its body is read from the stream as the client
/// takes it. `scratch` is reused. False when the library refuses it.
bool submit_answer(nghttp2_session* session, Http2Stream& stream, const DateLine& date,
                   std::string& scratch);

}  // namespace tenure::net
