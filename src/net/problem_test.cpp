#include "net/problem.h"

#include <gtest/gtest.h>

namespace tenure::net {
namespace {

TEST(Problem, GivesAnErrorItsBodyOnce) {
  Response response;
  response.error(409, "a \"b\"\n");
  EXPECT_EQ(response.body, R"({"detail":"a \"b\"\n"})");
  finish_error(render_problem, "/x", "r", response);
  const std::string_view body =
      R"({"type":"about:blank","title":"Conflict","status":409,"detail":"a \"b\"\n","instance":"/x","request_id":"r"})";
  EXPECT_EQ(response.body, body);
  EXPECT_EQ(response.content_type, "application/problem+json");
  response.body += "!";
  finish_error(render_problem, "/y", "s", response);
  EXPECT_EQ(response.body, std::string(body) + "!");
}

TEST(Problem, LeavesOtherAnswersAlone) {
  Response response;
  response.status = 422;
  response.body = R"({"detail":[]})";
  finish_error(render_problem, "/x", "r", response);
  EXPECT_EQ(response.body, R"({"detail":[]})");
  response.error(500, "no");
  response.text(500, "in words of its own");
  finish_error(render_problem, "/x", "r", response);
  EXPECT_EQ(response.body, "in words of its own");
}

TEST(Problem, LeavesOutWhatIsNotKnown) {
  Response response;
  response.error(400, "no");
  finish_error(render_problem, "", "", response);
  EXPECT_EQ(response.body,
            R"({"type":"about:blank","title":"Bad Request","status":400,"detail":"no"})");
}

TEST(ResponseHeaders, TakeMemoryOfEarlierAnswers) {
  Response response;
  response.add_header("A-Name-That-Is-Not-Small", std::string(100, 'x'));
  const char* value = response.headers.front().second.data();
  response.clear();
  EXPECT_TRUE(response.headers.empty());
  response.add_header("B", "short");
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers.front().first, "B");
  EXPECT_EQ(response.headers.front().second, "short");
  EXPECT_EQ(response.headers.front().second.data(), value);
  for (int i = 0; i < 100; ++i) response.add_header("N", std::to_string(i));
  response.clear();
  EXPECT_LE(response.spare_headers.size(), 16U);
}

}  // namespace
}  // namespace tenure::net
