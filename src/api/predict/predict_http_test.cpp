#include "api/predict/predict_http.h"

#include <bit>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "api/predict/inline_work.h"
#include "api/predict/predict_answer.h"
#include "api/test_api.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kRow = R"({"tenure":3,"charge":50.5,"plan":"Pro","signup":null})";

class PredictHttp : public testing::Test {
 protected:
  void SetUp() override { api_.serve_mixed(); }

  net::Response predict(std::string_view body) { return api_.post("/predict", body); }
  core::Json answer(std::string_view body) {
    const net::Response response = predict(body);
    EXPECT_EQ(response.status, 200) << response.body;
    return TestApi::json(response);
  }

  /// "type loc" of every mistake, one a line.
  std::string mistakes(std::string_view body) {
    const net::Response response = predict(body);
    EXPECT_EQ(response.status, 422) << response.body;
    const core::Json json = TestApi::json(response);
    std::string out;
    for (const core::Json& one : json.at("detail").as_array()) {
      if (!out.empty()) out += '\n';
      out += std::string_view(one.at("type").as_string());
      out += ' ' + core::to_text(one.at("loc"));
    }
    return out;
  }
  static std::string features(std::string_view row) {
    return R"({"features":)" + std::string(row) + "}";
  }

  TestApi api_;
};

// --- the forms of a request --------------------------------------------------------------------

TEST_F(PredictHttp, AnswersOneRowOfFeatures) {
  const core::Json json = answer(features(kRow));
  EXPECT_NEAR(json.at("probability").as_double(), 1 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_EQ(json.at("decision").as_string(), "churn");
  EXPECT_EQ(json.at("model"), (core::JsonObject{{"name", "churn"}, {"version", 7}}));
  EXPECT_EQ(json.at("level").as_string(), "primary");
  EXPECT_TRUE(json.at("fallback_reason").is_null());
  EXPECT_EQ(json.at("prediction_id").as_string().size(), 36U);
  EXPECT_TRUE(json.at("features_as_of").is_null());
  EXPECT_FALSE(json.as_object().contains("customer_id"));
}

TEST_F(PredictHttp, AnswersListsOfNamedAndOrderedRows) {
  const core::Json named = answer(features(
      "[" + std::string(kRow) + R"(,{"signup":null,"plan":null,"charge":1,"tenure":40}])"));
  const core::JsonArray& rows = named.at("predictions").as_array();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].at("decision").as_string(), "churn");
  EXPECT_EQ(rows[1].at("decision").as_string(), "stay");
  EXPECT_EQ(named.at("model").at("version").as_int64(), 7);
  const core::Json ordered = answer(features(R"([[3,50.5,"Pro",null],[40,1,null,null]])"));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(ordered.at("predictions").as_array()[i].at("probability"), rows[i].at("probability"));
  }
}

TEST_F(PredictHttp, AnswersAnUnknownCustomerWithTheBaseRate) {
  const core::Json json = answer(R"({"customer_id":"nobody"})");
  EXPECT_EQ(json.at("customer_id").as_string(), "nobody");
  EXPECT_EQ(json.at("level").as_string(), "base_rate");
  EXPECT_TRUE(json.at("fallback_reason").is_string());
  EXPECT_NEAR(json.at("probability").as_double(), 0.265, 1e-6);
}

TEST_F(PredictHttp, AcceptsIdsAsTextAndIntegerUnderBothNames) {
  EXPECT_EQ(answer(R"({"customer_id":42})").at("customer_id").as_string(), "42");
  EXPECT_EQ(answer(R"({"entity_id":"x"})").at("customer_id").as_string(), "x");
  EXPECT_EQ(answer(R"({"customer_id":"caf\u00e9 \"1\""})").at("customer_id").as_string(),
            "caf\xC3\xA9 \"1\"");
  const core::Json many = answer(R"({"entity_ids":["a",2]})");
  EXPECT_EQ(many.at("predictions").as_array().size(), 2U);
  EXPECT_EQ(many.at("predictions").as_array()[1].at("customer_id").as_string(), "2");
}

TEST_F(PredictHttp, LetsGivenFeaturesStandBesideAnId) {
  const core::Json one = answer(R"({"features":)" + std::string(kRow) + R"(,"customer_id":"c1"})");
  EXPECT_EQ(one.at("customer_id").as_string(), "c1");
  EXPECT_EQ(one.at("level").as_string(), "primary");
  const core::Json many = answer(R"({"customer_ids":["a","b"],"features":[[3,1,"Pro",null],)" +
                                 std::string(R"({"tenure":40,"charge":1,"plan":"Pro"}]})"));
  const core::JsonArray& rows = many.at("predictions").as_array();
  EXPECT_EQ(rows[0].at("customer_id").as_string(), "a");
  EXPECT_EQ(rows[0].at("decision").as_string(), "churn");
  EXPECT_EQ(rows[1].at("decision").as_string(), "stay");
}

TEST_F(PredictHttp, AnswersTheSameFormsOnTheBatchRoute) {
  const net::Response response =
      api_.post("/predict/batch", features("[" + std::string(kRow) + "]"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(TestApi::json(response).at("predictions").as_array().size(), 1U);
}

TEST_F(PredictHttp, ConvertsValuesAsFastApiDoes) {
  const auto probability = [&](std::string_view tenure) {
    return answer(features(R"({"charge":1,"plan":"Pro","signup":null,"tenure":)" +
                           std::string(tenure) + "}"))
        .at("probability")
        .as_double();
  };
  const double low = probability("3");
  const double high = probability("40");
  EXPECT_EQ(probability("\"3.5\""), low);
  EXPECT_EQ(probability("\" 40 \""), high);
  EXPECT_EQ(probability("true"), low);
  EXPECT_EQ(probability("null"), low) << "missing goes to the default side";
  EXPECT_EQ(probability("4e1"), high);
  EXPECT_EQ(probability("1e-400"), low) << "too small for a double is zero";
}

TEST_F(PredictHttp, AcceptsNumbersForCategoriesAndDatesForTimes) {
  EXPECT_EQ(predict(features(R"([[1,1,0,"2024-01-05T00:00:00Z"]])")).status, 200);
  EXPECT_EQ(predict(features(R"([[1,1,0,1704412800000000]])")).status, 200);
  EXPECT_EQ(mistakes(features(R"([[1,1,0,"yesterday"]])")),
            R"(datetime_parsing ["body","features",0,"signup"])");
}

TEST_F(PredictHttp, IgnoresMembersItDoesNotKnow) {
  EXPECT_EQ(predict(R"({"customer_id":"a","note":{"x":[1,{}]},"features":null})").status, 200);
}

// --- mistakes ----------------------------------------------------------------------------------

TEST_F(PredictHttp, ReportsAllMistakesAtOnce) {
  const std::string body =
      features(R"({"tenure":"abc","charge":[1],"plan":true,"Signup":1,"charge":2})");
  EXPECT_EQ(mistakes(body), R"(float_parsing ["body","features","tenure"])"
                            "\n"
                            R"(float_type ["body","features","charge"])"
                            "\n"
                            R"(string_type ["body","features","plan"])"
                            "\n"
                            R"(extra_forbidden ["body","features","Signup"])"
                            "\n"
                            R"(value_error ["body","features","charge"])"
                            "\n"
                            R"(missing ["body","features","signup"])");
  EXPECT_EQ(mistakes(features(R"([{"tenure":1,"charge":2,"plan":"a"},7,[1],[1,2,"a",null]])")),
            R"(model_attributes_type ["body","features",1])"
            "\n"
            R"(too_short ["body","features",2])"
            "\n"
            R"(missing ["body","features",0,"signup"])");
  const core::Json json = TestApi::json(predict(body));
  const core::JsonArray& detail = json.at("detail").as_array();
  EXPECT_EQ(detail[0].at("input").as_string(), "abc");
  EXPECT_EQ(detail[0].at("msg").as_string(),
            "Input should be a valid number, unable to parse string as a number");
  EXPECT_EQ(core::to_text(detail[1].at("input")), "[1]");
  EXPECT_THAT(std::string(detail[3].at("msg").as_string()), HasSubstr("'signup'"));
}

TEST_F(PredictHttp, WantsEveryInputWhenThereIsNoIdToLookUp) {
  EXPECT_EQ(mistakes(features(R"({"tenure":1,"plan":null})")),
            R"(missing ["body","features","charge"])"
            "\n"
            R"(missing ["body","features","signup"])");
  EXPECT_EQ(mistakes(features("[" + std::string(kRow) + R"(,{"tenure":1,"charge":1,"plan":"x"}])")),
            R"(missing ["body","features",1,"signup"])");
  const core::Json json = TestApi::json(predict(features(R"({"tenure":1,"charge":2,"plan":"a"})")));
  const core::Json& first = json.at("detail").as_array().front();
  EXPECT_EQ(first.at("msg").as_string(), "Field required");
  EXPECT_EQ(core::to_text(first.at("input")), R"({"tenure":1,"charge":2,"plan":"a"})");
}

TEST_F(PredictHttp, NamesTheByteWhereJsonEnds) {
  for (const auto& [body, offset] :
       std::vector<std::pair<std::string, int>>{{"{", 1},
                                                {R"({"features": NaN})", 13},
                                                {R"({"customer_id": "a",})", 20},
                                                {"{\"customer_id\": \"\xFF\"}", 17},
                                                {R"({"features": {"tenure": 01}})", 25},
                                                {std::string(1000, '['), 64}}) {
    const core::Json json = TestApi::json(predict(body));
    const core::Json& first = json.at("detail").as_array().front();
    EXPECT_EQ(first.at("type").as_string(), "json_invalid");
    EXPECT_EQ(core::to_text(first.at("loc")), "[\"body\"," + std::to_string(offset) + "]") << body;
    EXPECT_TRUE(first.at("ctx").at("error").is_string());
  }
}

struct Mistake {
  const char* body;
  const char* expected;
};

TEST_F(PredictHttp, RefusesEveryMisshapenBody) {
  const Mistake malformed[] = {
      {"", R"(missing ["body"])"},
      {"[]", R"(model_attributes_type ["body"])"},
      {"3", R"(model_attributes_type ["body"])"},
      {"{}", R"(missing ["body","customer_id"])"},
      {R"({"customer_id":null})", R"(missing ["body","customer_id"])"},
      {R"({"customer_id":""})", R"(string_too_short ["body","customer_id"])"},
      {R"({"customer_id":1.5})", R"(string_type ["body","customer_id"])"},
      {R"({"customer_id":true})", R"(string_type ["body","customer_id"])"},
      {R"({"customer_id":["a"]})", R"(string_type ["body","customer_id"])"},
      {R"({"customer_id":"a","customer_id":"b"})", R"(value_error ["body","customer_id"])"},
      {R"({"customer_id":"a","entity_id":"b"})", R"(value_error ["body","entity_id"])"},
      {R"({"customer_id":"a","customer_ids":["b"]})", R"(value_error ["body","customer_ids"])"},
      {R"({"customer_ids":"a"})", R"(list_type ["body","customer_ids"])"},
      {R"({"customer_ids":[]})", R"(too_short ["body","customer_ids"])"},
      {R"({"customer_ids":["a",null]})", R"(string_type ["body","customer_ids",1])"},
      {R"({"features":"x"})", R"(model_attributes_type ["body","features"])"},
      {R"({"features":[]})", R"(too_short ["body","features"])"},
      {R"({"features":[1]})", R"(model_attributes_type ["body","features",0])"},
      {R"({"features":[[1,2,"a"]]})", R"(too_short ["body","features",0])"},
      {R"({"features":[[1,2,"a",null,5]]})", R"(too_long ["body","features",0])"},
      {R"({"features":[[1e999,2,"a",null]]})", R"(finite_number ["body","features",0,"tenure"])"},
      {R"({"features":[["inf",2,"a",null]]})", R"(finite_number ["body","features",0,"tenure"])"},
      {R"({"features":[["",2,"a",null]]})", R"(float_parsing ["body","features",0,"tenure"])"},
      {R"({"customer_id":"a","features":[[1,2,"a",null]]})",
       R"(model_attributes_type ["body","features"])"},
      {R"({"customer_ids":["a"],"features":{"tenure":1}})", R"(list_type ["body","features"])"},
      {R"({"customer_ids":["a","b"],"features":[[1,2,"a",null]]})",
       R"(value_error ["body","features"])"},
  };
  for (const Mistake& one : malformed) EXPECT_EQ(mistakes(one.body), one.expected) << one.body;
}

// --- reasons -----------------------------------------------------------------------------------

TEST_F(PredictHttp, GivesReasonsWhenAsked) {
  const net::Response response = api_.post("/predict", features(kRow), {.query = "explain=3"});
  ASSERT_EQ(response.status, 200) << response.body;
  // One tree, one split, both sides as likely: tenure takes the margin from 0 to 1.
  EXPECT_EQ(core::to_text(TestApi::json(response).at("reasons")),
            R"([{"feature":"tenure","value":3,"log_odds":1.0,"text":"tenure is 3"}])");
  EXPECT_FALSE(answer(features(kRow)).as_object().contains("reasons"));
  const net::Response none = api_.post("/predict", features(kRow), {.query = "explain=0"});
  EXPECT_FALSE(TestApi::json(none).as_object().contains("reasons"));
}

TEST_F(PredictHttp, RefusesANumberOfReasonsThatIsNone) {
  for (const auto& [query, type] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"explain=x", "int_parsing"},
           {"explain=", "int_parsing"},
           {"explain=1.5", "int_parsing"},
           {"explain=-1", "greater_than_equal"},
           {"explain=1001", "less_than_equal"}}) {
    const net::Response response = api_.post("/predict", features(kRow), {.query = query});
    EXPECT_EQ(response.status, 422) << query;
    const core::Json json = TestApi::json(response);
    const core::Json& first = json.at("detail").as_array().at(0);
    EXPECT_EQ(first.at("type").as_string(), type);
    EXPECT_EQ(core::to_text(first.at("loc")), R"(["query","explain"])");
  }
}

TEST_F(PredictHttp, LeavesToAWorkerWhatTakesLong) {
  const auto rows = [](std::size_t count) {
    std::string list(kRow);
    for (std::size_t i = 1; i < count; ++i) list += ',' + std::string(kRow);
    return features("[" + list + "]");
  };
  const auto is_moved = [&](const std::string& body, std::string_view query) {
    const int before = api_.moves();
    const net::Response moved = api_.post("/predict", body, {.query = query, .can_be_moved = true});
    const net::Response here = api_.post("/predict", body, {.query = query});
    EXPECT_EQ(moved.status, 200) << moved.body;
    const auto scores = [](const net::Response& response) {
      std::string text;
      const core::Json json = TestApi::json(response);
      for (const core::Json& one : json.at("predictions").as_array())
        text += core::to_text(one.at("probability")) + core::to_text(one.at("decision")) +
                (one.as_object().contains("reasons") ? core::to_text(one.at("reasons")) : "");
      return text;
    };
    EXPECT_EQ(scores(moved), scores(here));
    return api_.moves() > before;
  };
  EXPECT_FALSE(is_moved(rows(1), ""));
  EXPECT_FALSE(is_moved(rows(1), "explain=1"));
  EXPECT_FALSE(is_moved(rows(20), ""));
  EXPECT_TRUE(is_moved(rows(100), "explain=1"));
  // So much text is not even read on the loop.
  EXPECT_TRUE(is_moved(rows(1) + std::string(kInlineBodyMax, ' '), ""));
}

TEST_F(PredictHttp, ReportsMistakesWhereverItIsAnswered) {
  const std::string wrong = R"({"features":{"tenure":"x"}})" + std::string(kInlineBodyMax, ' ');
  EXPECT_EQ(api_.post("/predict", wrong, {.can_be_moved = true}).status, 422);
  EXPECT_EQ(api_.moves(), 1);
}

TEST_F(PredictHttp, EstimatesWorkByRowsTreesAndWhatIsExplained) {
  const auto snapshot = api_.snapshot();
  const auto ns = [&](std::size_t rows, std::size_t bytes, bool is_explained) {
    return estimated_ns({.rows = rows, .body_bytes = bytes, .is_explained = is_explained},
                        *snapshot);
  };
  EXPECT_EQ(ns(0, 0, false), 0);
  EXPECT_GT(ns(1, 0, false), 0);
  EXPECT_EQ(ns(7, 0, false), 7 * ns(1, 0, false));
  EXPECT_GT(ns(1, 1000, false), ns(1, 0, false));
  EXPECT_GE(ns(1, 0, true) - ns(1, 0, false), snapshot->explainer->estimated_ns());
  EXPECT_LT(ns(1, 300, true), kInlineNsMax) << "a single row of a small model stays";
  EXPECT_GT(ns(1000, 0, false), kInlineNsMax);
}

TEST_F(PredictHttp, ExplainShowsAllThatMakesTheMargin) {
  const net::Response response = api_.post("/explain", features(kRow));
  ASSERT_EQ(response.status, 200) << response.body;
  const core::Json json = TestApi::json(response);
  EXPECT_EQ(json.at("margin").as_double(), 1);
  EXPECT_EQ(json.at("bias").as_double(), 0);
  const core::JsonArray& parts = json.at("contributions").as_array();
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_EQ(parts[0].at("feature").as_string(), "tenure");
  EXPECT_EQ(core::to_text(parts[2].at("value")), R"("Pro")");
  EXPECT_TRUE(parts[3].at("value").is_null());
  EXPECT_EQ(parts[3].at("text").as_string(), "signup is missing");
  const core::Json fallback = TestApi::json(api_.post("/explain", R"({"customer_id":"a"})"));
  EXPECT_TRUE(fallback.at("bias").is_null());
  EXPECT_TRUE(fallback.at("contributions").as_array().empty());
}

TEST_F(PredictHttp, ReadsANumberGivenForACategoryByItsDigits) {
  const std::string low = core::to_text(answer(features(R"({"tenure":3,"charge":1,"plan":100000,)"
                                                        R"("signup":null})"))
                                            .at("probability"));
  EXPECT_FALSE(low.empty());
  const net::Response response =
      api_.post("/explain", R"({"features":{"tenure":3,"charge":1,"plan":100000,"signup":null}})");
  EXPECT_THAT(response.body, HasSubstr(R"({"feature":"plan","value":"100000")"));
}

TEST_F(PredictHttp, RefusesAnIdThatIsTooLong) {
  EXPECT_EQ(mistakes(R"({"customer_id":")" + std::string(257, 'x') + R"("})"),
            R"(string_too_long ["body","customer_id"])");
}

TEST_F(PredictHttp, AnswersTooManyRowsWith413) {
  std::string ids, rows;
  for (int i = 0; i < 101; ++i) {
    ids += i == 0 ? "1" : ",1";
    rows += i == 0 ? "[1,1,1,1]" : ",[1,1,1,1]";
  }
  for (const std::string& body :
       {R"({"customer_ids":[)" + ids + "]}", features("[" + rows + "]")}) {
    const net::Response response = predict(body);
    EXPECT_EQ(response.status, 413);
    EXPECT_THAT(response.body, HasSubstr("More than 100 rows"));
  }
}

TEST_F(PredictHttp, ShowsAHundredMistakesAndCountsTheOthers) {
  std::string rows;
  for (int i = 0; i < 100; ++i) rows += i == 0 ? R"(["a","b",1,1])" : R"(,["a","b",1,1])";
  const core::Json json = TestApi::json(predict(features("[" + rows + "]")));
  EXPECT_EQ(json.at("detail").as_array().size(), 100U);
  EXPECT_EQ(json.at("errors_not_shown").as_int64(), 100);
}

TEST(PredictWithoutModel, Answers503AndWhenToComeBack) {
  TestApi api;
  const net::Response response = api.post("/predict", R"({"customer_id":"a"})");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("{\"detail\":\"No model is live yet"));
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].first, "Retry-After");
}

TEST_F(PredictHttp, FindsNothingLeftOverFromTheRequestBefore) {
  const std::string first = core::to_text(answer(features(kRow)).at("probability"));
  mistakes(features(R"({"tenure":"abc"})"));
  answer(R"({"customer_ids":["a","b","c"]})");
  EXPECT_EQ(core::to_text(answer(features(kRow)).at("probability")), first);
}

RC_GTEST_FIXTURE_PROP(PredictHttp, AnswersAnyBytesWithAClientErrorOrAPrediction,
                      (const std::string& noise)) {
  const std::vector<std::string> pieces = {"{",
                                           "}",
                                           "[",
                                           "]",
                                           ",",
                                           ":",
                                           R"("customer_id")",
                                           R"("customer_ids")",
                                           R"("features")",
                                           R"("tenure")",
                                           R"("plan")",
                                           R"("x")",
                                           "1",
                                           "-1e999",
                                           "null",
                                           "true",
                                           R"("\u0041")",
                                           noise};
  std::string body;
  for (const std::string& piece :
       *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces))) {
    body += piece;
  }
  const int status = predict(body).status;
  RC_ASSERT(status == 200 || status == 422);
}

// --- numbers -----------------------------------------------------------------------------------

TEST(AppendFloat, PrintsTheShortestDecimalOfTheValueWidenedToDouble) {
  const auto text = [](float value) {
    std::string out;
    append_float(out, value);
    return out;
  };
  EXPECT_EQ(text(0.30573833F), "0.30573832988739014");
  EXPECT_EQ(text(0.1F), "0.10000000149011612");
  EXPECT_EQ(text(0.0F), "0.0");
  EXPECT_EQ(text(1.0F), "1.0");
  EXPECT_EQ(text(0.5F), "0.5");
  EXPECT_EQ(text(1e-10F), "1.000000013351432e-10");
}

RC_GTEST_PROP(AppendFloat, ReadsBackToTheSameBits, (std::uint32_t bits)) {
  const float value = std::bit_cast<float>(bits);
  RC_PRE(std::isfinite(value));
  std::string out;
  append_float(out, value);
  RC_ASSERT(static_cast<float>(std::stod(out)) == value);
}

TEST(PredictNumbers, AgreesWithTheModelToTheBit) {
  TestApi api;
  api.serve_numbers();
  const net::Response response =
      api.post("/predict", R"({"features":[[5,0.3,1,0],[null,0.1,null,null],[25,0.5,2,-1.5]]})");
  ASSERT_EQ(response.status, 200) << response.body;
  const core::Json json = TestApi::json(response);
  const learn::Model& model = api.snapshot()->model;
  std::vector<float> encoded(4);
  const std::vector<std::vector<data::Cell>> rows = {
      {data::Cell::of(5.0), data::Cell::of(0.3), data::Cell::of(1.0), data::Cell::of(0.0)},
      {data::Cell::null(), data::Cell::of(0.1), data::Cell::null(), data::Cell::null()},
      {data::Cell::of(25.0), data::Cell::of(0.5), data::Cell::of(2.0), data::Cell::of(-1.5)}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(json.at("predictions").as_array()[i].at("probability").as_double(),
              static_cast<double>(model.score(rows[i], encoded).probability));
  }
}

}  // namespace
}  // namespace tenure::api
