// Bodies that are nearly right, for every protocol: one byte gone, changed or doubled at every
// place, numbers at the edge of what there is, nesting without end. Whatever comes, the answer is
// 200 or says what is wrong with the request, in JSON, and the next request is answered as ever.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

struct Case {
  const char* name;
  std::string_view path;
  std::string_view body;
  std::string_view content_type = "application/json";
};

constexpr Case kCases[] = {
    {"Predict", "/predict",
     R"({"customer_id":"C-1","features":{"tenure":5,"charge":0.3,"plan":1e0,"score":null}})"},
    {"PredictRows", "/predict", R"({"features":[[5,0.3,1,0],[25,0.5,"2",-1.5e0]]})"},
    {"PredictIds", "/predict", R"({"customer_ids":["C-1",7]})"},
    {"Explain", "/explain", R"({"features":[[5,0.3,1,0]]})"},
    {"InvocationsSplit", "/invocations",
     R"({"dataframe_split":{"columns":["tenure","charge","plan","score"],"index":[0],)"
     R"("data":[[5,0.3,1,NaN]]},"params":{"predict_method":"predict_proba"}})"},
    {"InvocationsInputs", "/invocations",
     R"({"inputs":{"tenure":[5],"charge":[0.3],"plan":[1],"score":[0]}})"},
    {"InvocationsCsv", "/invocations", "tenure,charge,plan,score\n5,0.3,\"1\",0\n25,.5,2,\n",
     "text/csv"},
    {"KserveV1", "/v1/models/churn:predict",
     R"({"instances":[{"tenure":5,"charge":0.3,"plan":1,"score":0}]})"},
    {"Infer", "/v2/models/churn/infer",
     R"({"id":"1","parameters":{"timeout":0},"inputs":[{"name":"x","shape":[1,4],)"
     R"("datatype":"FP64","data":[[5,0.3,1,null]]}],)"
     R"("outputs":[{"name":"probability","parameters":{"classification":2}}]})"},
};

class HostileBodies : public testing::TestWithParam<Case> {
 protected:
  HostileBodies() { api_.serve_numbers(); }

  net::Response ask(std::string_view body) {
    RequestExtra extra;
    extra.content_type = GetParam().content_type;
    return api_.post(GetParam().path, body, extra);
  }
  /// True when the answer is one that a client can be given.
  static bool is_fair(const net::Response& response) {
    return response.status < 500 && core::parse_json(response.body).has_value();
  }
  void expect_fair(const std::string& body) {
    const net::Response response = ask(body);
    EXPECT_TRUE(is_fair(response)) << body << "\n" << response.status << " " << response.body;
  }

  TestApi api_;
};

TEST_P(HostileBodies, ThatEndAtAnyByteGetAFairAnswer) {
  const std::string body(GetParam().body);
  for (std::size_t n = 0; n < body.size(); ++n) expect_fair(body.substr(0, n));
  EXPECT_EQ(ask(body).status, 200) << ask(body).body;
}

TEST_P(HostileBodies, WithOneByteGoneDoubledOrChangedAnywhereGetAFairAnswer) {
  const std::string body(GetParam().body);
  constexpr std::string_view kBytes("\"{}[],:\\0e-+.nN \n\t\0\x1f\x7f\xc3\xff", 24);
  for (std::size_t i = 0; i < body.size(); ++i) {
    std::string gone = body;
    expect_fair(gone.erase(i, 1));
    std::string doubled = body;
    expect_fair(doubled.insert(i, 1, body[i]));
    for (const char c : kBytes) {
      std::string changed = body;
      changed[i] = c;
      expect_fair(changed);
    }
  }
  EXPECT_EQ(ask(body).status, 200) << "nothing is left over from the others";
}

TEST_P(HostileBodies, WithOtherValuesInPlaceOfANumberGetAFairAnswer) {
  const std::string body(GetParam().body);
  const std::size_t at = body.find("0.3");
  if (at == std::string::npos) return;
  for (const std::string& value : {std::string("1e308"),
                                   std::string("-1e308"),
                                   std::string("1e309"),
                                   std::string("1e-400"),
                                   std::string("-0"),
                                   std::string("NaN"),
                                   std::string("Infinity"),
                                   std::string("-Infinity"),
                                   std::string("1e99999999999"),
                                   std::string("true"),
                                   std::string("[]"),
                                   std::string("{}"),
                                   std::string("\"\""),
                                   std::string("\"1e308\""),
                                   std::string("\"nan\""),
                                   std::string("\"\\ud800\""),
                                   std::string("99999999999999999999"),
                                   std::string(5000, '9'),
                                   "0." + std::string(5000, '3'),
                                   "\"" + std::string(100'000, 'x') + "\"",
                                   std::string(100'000, '['),
                                   [] {
                                     std::string deep;
                                     for (int i = 0; i < 20'000; ++i) deep += "{\"a\":";
                                     return deep;
                                   }()}) {
    std::string changed = body;
    expect_fair(changed.replace(at, 3, value));
  }
  EXPECT_EQ(ask(body).status, 200);
}

TEST_P(HostileBodies, OfRandomPiecesGetAFairAnswer) {
  const std::string body(GetParam().body);
  const bool holds = rc::check("pieces of the body in any order", [&] {
    std::string text;
    const int pieces = *rc::gen::inRange(0, 8);
    for (int i = 0; i < pieces; ++i) {
      const auto from = *rc::gen::inRange<std::size_t>(0, body.size());
      text += body.substr(from, *rc::gen::inRange<std::size_t>(0, body.size() - from + 1));
      if (*rc::gen::inRange(0, 4) == 0) text += *rc::gen::arbitrary<std::string>();
    }
    const net::Response response = ask(text);
    RC_ASSERT(is_fair(response));
  });
  EXPECT_TRUE(holds);
}

INSTANTIATE_TEST_SUITE_P(All, HostileBodies, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& row) { return row.param.name; });

}  // namespace
}  // namespace tenure::api
