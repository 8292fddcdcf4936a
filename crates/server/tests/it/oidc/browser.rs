//! As much of a browser as signing in takes: cookies, redirects, and forms that are filled in.

use std::collections::BTreeMap;

use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use url::Url;

pub(crate) struct Browser {
    client: Client,
    /// Of one host, by name.
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, cookies: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, url: &Url) -> Response {
        self.ask(Method::GET, url, String::new()).await
    }

    async fn ask(&mut self, method: Method, url: &Url, body: String) -> Response {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method.clone(), url.clone());
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if method == Method::POST {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = request.send().await.unwrap();
        for set in answer.headers().get_all(SET_COOKIE) {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Follows redirects, and sends each form that comes with what is typed into it, until `until` is reached, which is
    /// not asked for.
    pub(crate) async fn go(&mut self, from: &Url, typed: &[(&str, &str)], until: &str) -> Url {
        let mut url = from.clone();
        let mut answer = self.get(&url).await;
        for _ in 0..20 {
            if let Some(location) = answer.headers().get(LOCATION) {
                url = url.join(location.to_str().unwrap()).unwrap();
                if url.path() == until {
                    return url;
                }
                answer = self.get(&url).await;
                continue;
            }
            let status = answer.status();
            let page = answer.text().await.unwrap();
            assert!(status.is_success() && page.contains("<form"), "{url} {status}: {page}");
            let action = attribute(page.split("<form").nth(1).unwrap(), "action").unwrap();
            url = url.join(&action).unwrap();
            let mut form: Vec<(String, String)> = page
                .split("<input")
                .skip(1)
                .filter_map(|input| {
                    let value = attribute(input, "value").unwrap_or_default();
                    attribute(input, "name").map(|name| (name, value))
                })
                .collect();
            for (name, value) in typed {
                form.retain(|(known, _)| known != name);
                form.push(((*name).to_owned(), (*value).to_owned()));
            }
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            answer = self.ask(Method::POST, &url, body).await;
        }
        panic!("{until} is not reached, but {url}");
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    Some(tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.to_owned())
}
