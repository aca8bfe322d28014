#pragma once

#include <array>
#include <string_view>
#include <utility>

// Keys and JWTs of tests, made once with another library (Python's cryptography). The private keys
// were thrown away.
namespace tenure::auth::testing {

/// {"iss": "https://id.example", "aud": ["tenure", "other"], "sub": "alice", "exp": 2000000000,
/// "role": ["offline", "operator"], "models": ["churn"]}, unless a name says otherwise.
inline constexpr std::string_view kRsaKey =
    R"({"kty": "RSA", "kid": "r1", "use": "sig", "alg": "RS256", "n": "wbzQeRi2hJHgHIaQuticpM35xvKG4vSjbOBtQq764uVkKcEi37aOtrCXvsDAeEt5pjQ36oJ6qcPis5kovRjUni2mqV5UpOPfIdMPblmSvIbE9FQ75UI8oAKobB3qmj8gmbpF5A0xzxKxixd_7qYJyyTXEut66eADWBLZX3O6OlTLNig0aLtD_12B6Waxgvbw2BToBOxxoe7dTwMHSW177k-pSingbeIgH6-7r9CAXOuoQa00dxuvl3TEgeBFztDL-mgtlMPOelM4_7krQ7VVQZr5pUtoz-WOy2Xe_KXBOWrllwF_FVlCjMJebtt4uWb2MtrjyebbgOMV4beB1FCQKQ", "e": "AQAB"})";
inline constexpr std::string_view kEcKey =
    R"({"kty": "EC", "kid": "e1", "crv": "P-256", "x": "EtMcduQa2OSzRB_n79n5OQ_t2hSTbZ3c3P_s4jtK37E", "y": "HKTj6Z6DVXr-jqWw4_J4KdSu6gqFGaaVACvB8XuVa5M"})";
inline constexpr std::string_view kEdKey =
    R"({"kty": "OKP", "kid": "d1", "crv": "Ed25519", "x": "JChrdx6QSt9HHQNriZX8BtSshvkcgAQJByEnru0hWpk"})";
inline constexpr std::string_view kRs256 =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1w"
    "bGUiLCJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJv"
    "bGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.BsYiYM8yszQB5MDq7Dzm1"
    "c0rKdtVJZTOGGxu23e-nsGRuqeLLINWI66Zr14L6d-WUEcnM4HNfBlhLIynXTQIH492hht36HftLVXUiJkut"
    "ldstEmvcVROJuMlpPeHZbbscKqcyu7i9L7uJch_KpsoFwMa9b3scmPi-R1vdJTQzWkiP7PuYRuIUshd1WS6k"
    "uadpAlgXPksZQOOc72k-c_-AQG2yRdae_s4hw4sHLF-3ZBoBiwZLq6CcXsLtdmAUyUOV8px3fmDO_kiel2On"
    "0DeD94GpCVbOWjT_v2mOfY-7CCSag3dd34nWuwUSMNT6WBrH641npcRz6wuxxa3_5_WAw";
inline constexpr std::string_view kEs256 =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1w"
    "bGUiLCJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJv"
    "bGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.jlrMeunlsUAxLhtd24vF-"
    "qAAb4SKlJjND0hyQ3ySQIhs26m19_ginbWPipM1LJ9T7YitaSj5t9Ad9E8W9K05oA";
inline constexpr std::string_view kEdDsa =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImQxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1w"
    "bGUiLCJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJv"
    "bGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.ZTyGaOI0bKAdVbUKeRa5A"
    "2uXhZiA2aBuD3vtu7tcGKQ04TyZ-JzBGAGKItwUswb4KpPbxSSZVnpLddKmwZvEBQ";
inline constexpr std::string_view kWithoutKeyId =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
    "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGl"
    "uZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.rAiYMzIhEB9AwKd0tj3pQG0den7fxX9wNTbC"
    "J8h5sm2QHNuuUbMZ8Fj4VDjS1qXMmtCjfJxNRBxYbPFduDjsCQ";
inline constexpr std::string_view kTextClaims =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJ"
    "0ZW51cmUiLCJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMDAwMCwicm9sZSI6ImFkbWluIn0.okxR9gYeoWL"
    "ndig6SZKqZV2wONgyzq8o71edY3BRp-eM9dATd68KvbYXqgVyaBVJN_bPMXcx0jN4Q8O47lsxBg";
inline constexpr std::string_view kWithoutRole =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
    "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsIm1vZGVscyI6WyJjaHV"
    "ybiJdfQ.1H2_ReMX6b99y_XToi5sArlGqTms92uMaCmC8aA77S0IIOf_7_f4mFFqDO_k_F6lVE-j3vzxnR8G"
    "mVE4D-xYAg";
inline constexpr std::string_view kUnknownRole =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
    "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOiJraW5nIiw"
    "ibW9kZWxzIjpbImNodXJuIl19.eHcK1lKuwUXUQjzx3ZxlAiizO7C813QT9q5jSgYpdYvIr839nLPV-XaaB4"
    "D8v6jMOIjDBVBd5KzSk-SH3apoAg";
/// What is wrong, and a JWT that is wrong in this way alone.
using Wrong = std::pair<std::string_view, std::string_view>;
inline constexpr std::array<Wrong, 19> kWrong = {{
    {"another issuer",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSIsImF1ZCI"
     "6WyJ0ZW51cmUiLCJvdGhlciJdLCJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMDAwMCwicm9sZSI6WyJvZmZ"
     "saW5lIiwib3BlcmF0b3IiXSwibW9kZWxzIjpbImNodXJuIl19.hRKkhbxZ3ZeNpoDtSWWG52zVIGcIdoyAve"
     "xwBboG0c3c_q25diGJJPqPBjBnlCOrFAmp32P9pp2ln1YUyyE_Dg"},
    {"no issuer",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWx"
     "pY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJ"
     "jaHVybiJdfQ.T1ornCNUBtVi4s3wei-nbewaQDgZxCBDKXoKg95tXBq4FYtIcxenCbxYUPscPXXzYG8bE2ym"
     "LWLfx75MrSKaBA"},
    {"another audience",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJ"
     "0ZW51cmUyIiwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGluZSIsIm9wZXJ"
     "hdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.5jswnD0S5KT2jXjHA8jynLwe73vc1x-WLXkDXFJCGsb7TZQP"
     "vDtbQjwrc4k_yN0iwxsKJFwzm0jk4dOskCJvDg"},
    {"no audience",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiJ"
     "hbGljZSIsImV4cCI6MjAwMDAwMDAwMCwicm9sZSI6WyJvZmZsaW5lIiwib3BlcmF0b3IiXSwibW9kZWxzIjp"
     "bImNodXJuIl19.YbzzroMhnII_rXNnMlcWAajebs2BVOt55hdNk42Wxc73x4_EP4b_vYTpX-c5ooQxECj8B0"
     "HIsMfX-JcN0lN7Bw"},
    {"no end",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
     "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJyb2xlIjpbIm9mZmxpbmUiLCJvcGVyYXRvciJdLCJ"
     "tb2RlbHMiOlsiY2h1cm4iXX0.kbsnvIDAxOzwzgAHDEDYfXrilbdzuI8cGnaFm4_0rOYbfGNkTAPRyNA--zy"
     "-assVm9pnOul0AXx6x31nbf8nAQ"},
    {"an end that is text",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
     "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOiIyMDAwMDAwMDAwIiwicm9sZSI6WyJvZmZ"
     "saW5lIiwib3BlcmF0b3IiXSwibW9kZWxzIjpbImNodXJuIl19.VZxOX5zJREGq8HTe4-KiQgb08eD-4Cp_WC"
     "msC3pwjbRFL5U0KX4Il7Odh6jSu055BUiE2MC2yn5ILa_BkUTsBA"},
    {"not valid yet",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
     "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGl"
     "uZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdLCJuYmYiOjE5MDAwMDAwMDB9.ge2tW0nmbffq26"
     "IzGRZ69bZbH57QKD3Gt3UKNOszCiraoL1BtC88uuSbWaxWy22gwTam5wqV93TsV2OSWwfHDQ"},
    {"a begin that is text",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
     "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGl"
     "uZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdLCJuYmYiOiIxIn0.6qqFdiUjVlvYM8jxu0qeto9"
     "lBUgfY0z7srDQAXk55o6Zo3X-zLJtyW8G8g0V4eZ3Cy9qRgnx4PYbiZsyeooKBw"},
    {"no subject",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
     "idGVudXJlIiwib3RoZXIiXSwiZXhwIjoyMDAwMDAwMDAwLCJyb2xlIjpbIm9mZmxpbmUiLCJvcGVyYXRvciJ"
     "dLCJtb2RlbHMiOlsiY2h1cm4iXX0.z5njriW7UZ7YCvGSVdnVTyMkSroHA2Vy984e-WGOQ5LzGLWi1ki_hGc"
     "TE7SFN0m1SE9kiiTRnHkEhsFSkNNdAQ"},
    {"an empty list of models",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
     "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGl"
     "uZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6W119.7FDfkglHMuPNtnkNRZW1EzSCtaoPptkcCRecy32LPj6CUg"
     "9UETwV3L8tLjIVBB35R6YzyHEL0P8hzlkbxHkCBw"},
    {"models that are a number",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOls"
     "idGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGl"
     "uZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6N30.QQqS0o7WcfhHqq5pE5lAAM0E17dTQCE0sY8Yb7BiGVvpdbO"
     "ND6FVKuJzsgghEfYx8BQ_OBskhVvwyoia68vADg"},
    {"claims that are a list",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.WzFd.zLj6IvGjx8cf42Lwqi6xhYjNecaIg_ouwupqt5WOly"
     "BfgV3uLDlf0K9zvYYKBfuxmy92nVTrOpGH-TmQ29hBDA"},
    {"claims that are no JSON",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.ew.Eb0RPvpt9sSRwyHMXj6dtDYzvmuTXbMZu2DKF65B8aJ9"
     "DgZrZwKK85fbGovyA5MwOCWo5DRcbvt--CNUqnlTCQ"},
    {"algorithm none",
     "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsi"
     "dGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGlu"
     "ZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ."},
    {"HS256 with the public key as the secret",
     "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1w"
     "bGUiLCJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJv"
     "bGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.SxQIytRwKHOPWMkdHXE8w"
     "2BGMtj32ZSsQU0ia12PUR4"},
    {"the key of another",
     "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1w"
     "bGUiLCJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJv"
     "bGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.CcVBEOAL6i-HZxH8ohNVd"
     "Qh2r6lQVZu4BJNd0e_uPM8QqISI2OIaeHtBwgzXKNTiy5AMVlSJuBwkCeaMacAHyw"},
    {"an unknown key id",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6IngxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1w"
     "bGUiLCJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJv"
     "bGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.0GhO6yc4yO7yMSm76weMG"
     "Qd0P0R5XLonEiN8O-hjJ-0-px21plbOnzgKHIK-29T8e3z9e2d8XY3LS1pRrNbMDg"},
    {"the key id of another kind",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1w"
     "bGUiLCJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHAiOjIwMDAwMDAwMDAsInJv"
     "bGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ.2dPIEBpEVs5X7JxFF-p-q"
     "PQ_3zR6C9itK1cB0afO-uWXQBXbaZsFB-VyvX7Ye3YoF3ELmcp5H3ZCaBWvNKb4Aw"},
    {"a critical extension",
     "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImNyaXQiOlsiYjY0Il0sImI2NCI6ZmFsc2V9.eyJpc3MiOiJ"
     "odHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsidGVudXJlIiwib3RoZXIiXSwic3ViIjoiYWxpY2UiLCJleHA"
     "iOjIwMDAwMDAwMDAsInJvbGUiOlsib2ZmbGluZSIsIm9wZXJhdG9yIl0sIm1vZGVscyI6WyJjaHVybiJdfQ."
     "A_2JGMnFp7B3MDDsTZZ1boKz-5yQ3iDLV-4ylilHmEEXutVc2lFb8qS6J9PtsOFbVZrz32ixZvudo1fI25AX"
     "Ag"},
}};

}  // namespace tenure::auth::testing
