//! The console as a browser without a script sees it.

pub(crate) mod accounts;
mod audit;
mod credentials;
mod dismissed;
mod drift;
pub(crate) mod every_page;
mod filled_in;
mod fleet;
mod gone;
mod heed;
mod held;
mod imports;
mod jobs;
mod kept;
mod leading;
mod mappings;
mod own;
mod pages;
mod profiles;
mod renamed;
mod resources;
mod rights;
mod searching;
mod settings;
mod signing_in;
mod systems;
mod tables;
mod truth;
mod twice;

use std::sync::Mutex;

use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};

use keyreeve_model::Role;

use crate::place::Place;

/// A browser: it asks for pages, keeps its cookie, and says from where it sends forms.
pub(crate) struct Browser<'a> {
    pub(crate) place: &'a Place,
    pub(crate) cookie: Option<String>,
    /// What the page that it is led to says was done.
    told: Mutex<Option<String>>,
    client: Client,
}

/// A page.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    /// Where it leads on.
    pub(crate) to: Option<String>,
    pub(crate) text: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(place: &'a Place) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { place, cookie: None, told: Mutex::new(None), client }
    }

    /// Of somebody who is added and signed in.
    pub(crate) async fn of(place: &'a Place, name: &str, role: Role, systems: &[&str]) -> Self {
        place.person(name, role, systems).await;
        Self { cookie: Some(place.cookie(name).await), ..Self::new(place) }
    }

    pub(crate) fn ask(&self, method: Method, address: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{address}", self.place.url));
        let request = request.header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
        let told = self.told.lock().unwrap();
        let cookies: Vec<&str> = self.cookie.iter().chain(told.iter()).map(String::as_str).collect();
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    pub(crate) async fn get(&self, address: &str) -> Seen {
        self.seen(self.ask(Method::GET, address)).await
    }

    /// Sends a form of a page of ours.
    pub(crate) async fn send(&self, address: &str, form: &[(&str, &str)]) -> Seen {
        let origin = self.place.url.clone();
        self.send_from(address, form, &origin).await
    }

    /// Sends a form of a page of somewhere.
    pub(crate) async fn send_from(&self, address: &str, form: &[(&str, &str)], origin: &str) -> Seen {
        self.seen(self.form(address, form).header(ORIGIN, origin)).await
    }

    async fn seen(&self, request: RequestBuilder) -> Seen {
        let answer = request.send().await.unwrap();
        self.told(&answer);
        Seen::of(answer).await
    }

    /// Keeps what an answer has the page say that it leads to.
    pub(crate) fn told(&self, answer: &Response) {
        let mut set = answer.headers().get_all(SET_COOKIE).iter().map(|set| set.to_str().unwrap());
        let told = set.rfind(|set| set.starts_with("keyreeve-told="));
        if let Some(told) = told {
            *self.told.lock().unwrap() = told.split(';').next().map(str::to_owned);
        }
    }

    /// A form, as it is sent by who says nothing of where it comes from.
    pub(crate) fn form(&self, address: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.ask(Method::POST, address);
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }
}

impl Seen {
    pub(crate) async fn of(answer: Response) -> Self {
        let status = answer.status();
        let to = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().to_owned());
        Self { status, to, text: answer.text().await.unwrap() }
    }

    /// That it is a page which has all of these texts.
    pub(crate) fn has(&self, texts: &[&str]) {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        for text in texts {
            assert!(self.text.contains(text), "{text:?} is not in {}", self.text);
        }
    }

    /// What stands in a hidden field.
    /// As [`Seen::has`], of a page that refuses something.
    pub(crate) fn refuses(&self, status: StatusCode, texts: &[&str]) {
        assert_eq!(self.status, status, "{}", self.text);
        for text in texts {
            assert!(self.text.contains(text), "{text}: {}", self.text);
        }
    }

    pub(crate) fn hidden(&self, name: &str) -> String {
        let field = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
        self.text.split(&field).nth(1).unwrap().split('"').next().unwrap().to_owned()
    }
}
