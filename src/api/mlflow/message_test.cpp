#include "api/mlflow/message.h"

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tenure::api::mlflow {
namespace {

using net::Method;

constexpr std::string_view kSeeDocs =
    " See the API docs for more information about request parameters.";

core::Result<Message> posted(std::string_view body,
                             std::string_view content_type = "application/json") {
  net::Request request;
  request.method = Method::kPost;
  request.body = body;
  request.content_type = content_type;
  return Message::read(request);
}

Message message(std::string_view body) {
  auto read = posted(body);
  EXPECT_TRUE(read) << read.error().message;
  return *std::move(read);
}

Message asked(std::string_view query, std::initializer_list<std::string_view> repeated = {}) {
  net::Request request;
  request.query = query;
  auto read = Message::read(request, repeated);
  EXPECT_TRUE(read) << read.error().message;
  return *std::move(read);
}

template <class T>
std::string complaint(const core::Result<T>& result) {
  if (result) return "none";
  EXPECT_EQ(result.error().code, core::ErrorCode::kInvalidArgument);
  return result.error().message;
}

std::string missing(std::string_view name) {
  return fmt::format("Missing value for required parameter '{}'.{}", name, kSeeDocs);
}

std::string invalid(std::string_view value, std::string_view name, std::string_view type) {
  return fmt::format(
      "Invalid value {} for parameter '{}' supplied:  Hint: Value was of type '{}'.{}", value, name,
      type, kSeeDocs);
}

TEST(Message, ReadsTheQueryOfAGet) {
  const Message got =
      asked("name=a%20b+c&max_results=7&order_by=x&order_by=y%20DESC&name=second", {"order_by"});
  EXPECT_EQ(got.text("name").value(), "a b c");
  EXPECT_EQ(got.integer("max_results").value(), 7);
  EXPECT_EQ(got.texts("order_by").value(), (std::vector<std::string>{"x", "y DESC"}));
  EXPECT_FALSE(got.has("other"));
  EXPECT_EQ(asked("a=%zz").text("a").value(), "%zz");
  EXPECT_EQ(asked("run_ids=one", {"run_ids"}).texts("run_ids").value(),
            std::vector<std::string>{"one"});
}

TEST(Message, RefusesAQueryThatIsNoText) {
  net::Request request;
  request.query = "a=%ff";
  EXPECT_EQ(complaint(Message::read(request)), "The query string is not UTF-8.");
}

TEST(Message, ReadsTheBodyOfAGetWithoutQuery) {
  net::Request request;
  request.body = R"({"run_id": "r"})";
  EXPECT_EQ(Message::read(request).value().text("run_id").value(), "r");
}

TEST(Message, WantsJsonFromPostAndPutAlone) {
  EXPECT_EQ(complaint(posted("{}", "")), "Bad Request. Content-Type header is missing.");
  EXPECT_EQ(complaint(posted("{}", "text/plain")),
            "Bad Request. Content-Type must be one of ['application/json'].");
  EXPECT_TRUE(posted("{}", "application/json; charset=utf-8"));
  EXPECT_TRUE(posted("{}", "Application/JSON"));
  for (const Method method : {Method::kPatch, Method::kDelete, Method::kGet}) {
    net::Request request;
    request.method = method;
    request.body = R"({"name": "n"})";
    EXPECT_EQ(Message::read(request).value().text("name").value(), "n");
  }
}

TEST(Message, TreatsBrokenJsonAsNoFields) {
  for (const char* body : {"", "{", "{\"name\": }", "nonsense", "{\"name\": \"\xff\"}"})
    EXPECT_EQ(complaint(message(body).required_text("name")), missing("name")) << body;
  EXPECT_EQ(complaint(message(std::string(100'000, '[')).required_text("name")), missing("name"));
}

TEST(Message, DecodesAJsonTextInJson) {
  EXPECT_EQ(message(R"("{\"name\": \"n\"}")").text("name").value(), "n");
}

TEST(Message, RefusesABodyThatIsNoObject) {
  EXPECT_EQ(complaint(posted("[1]")),
            "The request body must be a JSON object. Hint: Value was of type 'list'.");
  EXPECT_FALSE(posted("7"));
}

TEST(Message, NamesWhatIsMissing) {
  for (const char* body : {"{}", R"({"name": null})", R"({"name": ""})"}) {
    EXPECT_EQ(complaint(message(body).required_text("name")), missing("name")) << body;
    EXPECT_EQ(complaint(message(body).required_integer("name")), missing("name")) << body;
    EXPECT_EQ(complaint(message(body).required_number("name")), missing("name")) << body;
    EXPECT_EQ(message(body).text("name").value(), "");
  }
  EXPECT_EQ(complaint(message("{}").required_run_id()), missing("run_id"));
}

TEST(Message, TellsAWrongTypeInPythonsWords) {
  const std::pair<const char*, const char*> kTypes[] = {
      {"5", "int"},    {"1.5", "float"},       {"true", "bool"},
      {"[1]", "list"}, {R"({"a":1})", "dict"}, {"18446744073709551615", "float"}};
  for (const auto& [value, type] : kTypes) {
    const Message got = message(fmt::format(R"({{"name": {}}})", value));
    const std::string said = complaint(got.required_text("name"));
    EXPECT_TRUE(said.ends_with(fmt::format("Hint: Value was of type '{}'.{}", type, kSeeDocs)))
        << said;
  }
  EXPECT_EQ(complaint(message(R"({"name": 5})").required_text("name")),
            invalid("5", "name", "int"));
  EXPECT_EQ(complaint(message(R"({"at": "foo"})").required_integer("at")),
            invalid("\"foo\"", "at", "str"));
  EXPECT_EQ(complaint(message(R"({"tags": {"a":1}})").pairs("tags")),
            invalid(R"({"a":1})", "tags", "dict"));
  EXPECT_EQ(complaint(message(R"({"ids": ["a", 2]})").texts("ids")), invalid("2", "ids[1]", "int"));
  EXPECT_EQ(complaint(message(R"({"tags": [null]})").pairs("tags")),
            invalid("null", "tags[0]", "NoneType"));
}

TEST(Message, ShowsTheBeginningOfALongValue) {
  const std::string said =
      complaint(message(fmt::format(R"({{"at": "{}"}})", std::string(5000, 'x'))).integer("at"));
  EXPECT_LT(said.size(), 1300U);
  EXPECT_NE(said.find("xxx... for parameter 'at'"), std::string::npos);
}

TEST(Message, TakesIntegersAsNumbersAndAsText) {
  EXPECT_EQ(message(R"({"t": "1700000000000"})").integer("t").value(), 1'700'000'000'000);
  EXPECT_EQ(message(R"({"t": -3})").integer("t").value(), -3);
  EXPECT_EQ(message(R"({"t": 2.0})").integer("t").value(), 2);
  EXPECT_EQ(message(R"({"t": "-9223372036854775808"})").integer("t").value(),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(message(R"({"t": null})").integer("t").value(), std::nullopt);
  for (const char* bad : {"1.5", "true", "\"1.5\"", "\"\"", "1e30", "\" 1\"", "NaN", "[]"})
    EXPECT_FALSE(message(fmt::format(R"({{"t": {}}})", bad)).integer("t")) << bad;
}

TEST(Message, TakesNumbersAsTextAndTheOnesJsonLacks) {
  const auto number = [](std::string_view value) {
    return message(fmt::format(R"({{"v": {}}})", value)).required_number("v");
  };
  EXPECT_EQ(number("1").value(), 1.0);
  EXPECT_EQ(number("\"0.25\"").value(), 0.25);
  for (const char* nan : {"NaN", "\"NaN\""}) EXPECT_TRUE(std::isnan(number(nan).value())) << nan;
  for (const char* infinite : {"Infinity", "\"Infinity\"", "1e999"})
    EXPECT_EQ(number(infinite).value(), std::numeric_limits<double>::infinity()) << infinite;
  for (const char* infinite : {"-Infinity", "\"-Infinity\"", "-1e999"})
    EXPECT_EQ(number(infinite).value(), -std::numeric_limits<double>::infinity()) << infinite;
  EXPECT_EQ(number("1e-999").value(), 0.0);
  EXPECT_EQ(number("12345678901234567890").value(), 12345678901234567890.0);
  for (const char* bad : {"true", "\"nan\"", "\"inf\"", "\"1e999\"", "\"1x\"", "{}"})
    EXPECT_FALSE(number(bad)) << bad;
}

TEST(Message, TakesTruthInAnyCase) {
  EXPECT_TRUE(asked("all=True").boolean("all", false).value());
  EXPECT_FALSE(asked("all=FALSE").boolean("all", true).value());
  EXPECT_TRUE(message(R"({"all": true})").boolean("all", false).value());
  EXPECT_TRUE(message("{}").boolean("all", true).value());
  EXPECT_EQ(complaint(asked("all=yes").boolean("all", false)),
            "Invalid boolean value: yes, must be 'true' or 'false'.");
  EXPECT_EQ(complaint(message(R"({"all": 1})").boolean("all", false)), invalid("1", "all", "int"));
}

TEST(Message, TakesAChoiceByNameAndByNumber) {
  constexpr std::string_view kNames[] = {"", "RUNNING", "SCHEDULED", "FINISHED"};
  const auto status = [&](std::string_view value) {
    return message(fmt::format(R"({{"status": {}}})", value)).choice("status", kNames);
  };
  EXPECT_EQ(status("\"FINISHED\"").value(), 3U);
  EXPECT_EQ(status("3").value(), 3U);
  EXPECT_EQ(status("null").value(), std::nullopt);
  EXPECT_EQ(complaint(status("\"BOGUS\"")), invalid("\"BOGUS\"", "status", "str"));
  for (const char* bad : {"0", "4", "-1", "\"\"", "\"finished\"", "[]"})
    EXPECT_FALSE(status(bad)) << bad;
}

TEST(Message, NamesThePlaceOfNestedFields) {
  const Message got = message(R"({"metrics": [{"key": "a", "value": 1}, {"key": "b", "value": []}],
                                  "tags": [{"key": "t", "value": "1"}, {"value": "2"}],
                                  "inner": {"list": [{}]}})");
  const auto metrics = got.objects("metrics").value();
  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_EQ(complaint(metrics[0].required_integer("timestamp")), missing("metrics[0].timestamp"));
  EXPECT_EQ(complaint(metrics[1].required_number("value")),
            invalid("[]", "metrics[1].value", "list"));
  EXPECT_EQ(complaint(got.pairs("tags")), missing("tags[1].key"));
  const auto inner = got.object("inner").value().objects("list").value();
  EXPECT_EQ(complaint(inner.at(0).required_text("x")), missing("inner.list[0].x"));
  EXPECT_FALSE(got.object("absent").value().has("x"));
}

TEST(Message, OfNestedFieldsOutlivesTheOuter) {
  std::vector<Message> items;
  {
    const Message outer =
        message(R"({"list": [{"text": "a text that is too long to be inside"}]})");
    items = outer.objects("list").value();
  }
  EXPECT_EQ(items.at(0).text("text").value(), "a text that is too long to be inside");
}

TEST(Message, ReadsPairs) {
  const auto pairs = message(R"({"tags": [{"key": "a", "value": "1"}, {"key": "b"},
                                          {"key": "a", "value": "2"}]})")
                         .pairs("tags")
                         .value();
  EXPECT_EQ(pairs, (std::map<std::string, std::string>{{"a", "2"}, {"b", ""}}));
  EXPECT_TRUE(message("{}").pairs("tags").value().empty());
}

TEST(Message, KnowsTheOldNameOfARunsId) {
  EXPECT_EQ(message(R"({"run_uuid": "old"})").required_run_id().value(), "old");
  EXPECT_EQ(message(R"({"run_uuid": "old", "run_id": "new"})").required_run_id().value(), "new");
  EXPECT_EQ(message(R"({"run_uuid": "old", "run_id": ""})").required_run_id().value(), "old");
  EXPECT_EQ(complaint(message(R"({"run_id": 5})").required_run_id()),
            invalid("5", "run_id", "int"));
}

TEST(Message, TakesTheLastOfDoubledKeysAndNoCamelCase) {
  const Message got = message(R"({"a": 1, "a": 2, "runId": "r"})");
  EXPECT_EQ(got.integer("a").value(), 2);
  EXPECT_FALSE(got.has("run_id"));
}

TEST(Answer, CarriesTheCodeAndTheStatusOfMlflow) {
  using core::ErrorCode;
  const std::tuple<ErrorCode, int, const char*> kRows[] = {
      {ErrorCode::kInvalidArgument, 400, "INVALID_PARAMETER_VALUE"},
      {ErrorCode::kAlreadyExists, 400, "RESOURCE_ALREADY_EXISTS"},
      {ErrorCode::kNotFound, 404, "RESOURCE_DOES_NOT_EXIST"},
      {ErrorCode::kUnavailable, 503, "TEMPORARILY_UNAVAILABLE"},
      {ErrorCode::kUnimplemented, 501, "NOT_IMPLEMENTED"}};
  for (const auto& [code, status, name] : kRows) {
    net::Response response;
    answer_error(response, core::Error{code, "the \"name\""});
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.body,
              fmt::format(R"({{"error_code":"{}","message":"the \"name\""}})", name));
    EXPECT_EQ(response.content_type, "application/json");
  }
}

TEST(Answer, IsCompactJson) {
  net::Response response;
  answer(response, {{"a", 1}, {"b", "\xC3\xA9"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "{\"a\":1,\"b\":\"\xC3\xA9\"}");
}

}  // namespace
}  // namespace tenure::api::mlflow
