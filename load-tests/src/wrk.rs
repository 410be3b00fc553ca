//! Scripts for wrk: page views of 2,000 user agents. All requests are made at the start, so that wrk's own CPU work is
//! the same for every server.

/// A script whose requests have this method, and whose client address is this Lua expression of `i`.
pub fn script(method: &str, address: &str) -> String {
    let body = r#"'{"n":"pageview","d":"example.org","u":"https://example.org/page/' .. (i % 300) .. '","r":"https://www.google.com/"}'"#;
    let body = if method == "GET" { "nil" } else { body };
    format!(
        r#"
local requests, n = {{}}, 0
function init()
  for i = 1, 2000 do
    local version = (100 + i % 40) .. ".0"
    local agent = "Mozilla/5.0 (X11; Linux x86_64; rv:" .. version .. ") Gecko/20100101 Firefox/" .. version .. " v" .. (i % 500)
    requests[i] = wrk.format("{method}", nil, {{ ["User-Agent"] = agent, ["Content-Type"] = "text/plain",
      ["Accept-Language"] = "fr-FR,fr;q=0.9", ["X-Forwarded-For"] = {address} }}, {body})
  end
end
function request()
  n = n % 2000 + 1
  return requests[n]
end
"#
    )
}
